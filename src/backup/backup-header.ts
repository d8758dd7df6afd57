import { createHash } from 'node:crypto';
import { isId } from '../common/ids';
import { BackupRefusedError } from './backup.errors';

export const TRIGGERS = ['manual', 'schedule', 'pre-restore', 'upload'] as const;
export type Trigger = (typeof TRIGGERS)[number];
export type DatabaseType = 'sqlite' | 'postgres';
/** How the content was made: files of SQLite, an archive of pg_dump, or rows of COPY a table. */
export const FORMATS = ['sqlite', 'pg-dump', 'pg-copy'] as const;
export type BackupFormat = (typeof FORMATS)[number];
export const COMPRESSIONS = ['gzip', 'zstd'] as const;
export type Compression = (typeof COMPRESSIONS)[number];

export interface PartDescription {
  /** A plain name, used for a file in a scratch folder of ours. */
  name: string;
  sizeBytes: number;
  sha256: string;
}

export interface TableCount {
  name: string;
  rows: number;
}

/** What is in a database, as it is counted in the snapshot that the backup is of. */
export interface ContentSummary {
  tables: TableCount[];
  /** Names of the applied migrations in their order; of the log file apart, where there is one. */
  migrations: string[];
  logMigrations: string[] | null;
}

/** The head of a backup file: all that is needed to judge and to restore it, in clear, sealed with the rest. */
export interface BackupHeader extends ContentSummary {
  id: string;
  /** Epoch milliseconds. */
  createdAt: number;
  trigger: Trigger;
  note: string | null;
  appVersion: string;
  databaseType: DatabaseType;
  format: BackupFormat;
  /** Whether MCP messages and the system log are in it. */
  includesLogs: boolean;
  compression: Compression;
  encryption: 'aes-256-gcm' | 'none';
  /** Which SECRET_KEY it belongs to. */
  keyId: string;
  /** From which the key of this one file is derived. */
  salt: string;
  originalBytes: number;
  parts: PartDescription[];
}

const MAGIC = Buffer.from('MCPSBAK');
const VERSION = '1';
export const PREAMBLE_BYTES = MAGIC.length + 1 + 4;
const MAX_HEADER_BYTES = 1024 * 1024;

/** The first bytes of a file: magic, version of the format, length, and the head as JSON. */
export function encodeHeader(header: BackupHeader): Buffer {
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(json.length);
  return Buffer.concat([MAGIC, Buffer.from(VERSION), length, json]);
}

/** How long the head is, by the first bytes. @throws BackupRefusedError */
export function headerLength(preamble: Buffer): number {
  const { length } = MAGIC;
  if (!preamble.subarray(0, length).equals(MAGIC.subarray(0, Math.min(length, preamble.length)))) {
    throw new BackupRefusedError('backup_foreign');
  }
  if (preamble.length < PREAMBLE_BYTES) throw new BackupRefusedError('backup_truncated');
  if (preamble.toString('latin1', length, length + 1) !== VERSION) throw new BackupRefusedError('backup_format_newer');
  const bytes = preamble.readUInt32BE(length + 1);
  if (bytes > MAX_HEADER_BYTES) throw new BackupRefusedError('backup_header_invalid');
  return bytes;
}

/** What binds every chunk of a file to its head. */
export function headerDigest(encoded: Buffer): Buffer {
  return createHash('sha256').update(encoded).digest();
}

/** @throws BackupRefusedError for anything that `encodeHeader` has not written */
export function parseHeader(json: Buffer): BackupHeader {
  let given: unknown;
  try {
    given = JSON.parse(json.toString('utf8'));
  } catch (error) {
    throw new BackupRefusedError('backup_header_invalid', undefined, error);
  }
  const problem = problemOf(given);
  if (problem !== null) throw new BackupRefusedError('backup_header_invalid', problem);
  return given as BackupHeader;
}

const SHA256 = /^[0-9a-f]{64}$/;
/** No path, no hidden file, nothing that a file system reads otherwise. */
const PART_NAME = /^[a-z0-9_][a-z0-9_.-]{0,99}$/;

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === 'string' && value.length <= 1000;
const isSize: Check = (value) => Number.isSafeInteger(value) && Number(value) >= 0;
const isOneOf =
  (...words: readonly unknown[]): Check =>
  (value) =>
    words.includes(value);
const isListOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.length <= 10_000 && value.every(check);
const isObject =
  (fields: Record<string, Check>): Check =>
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    Object.entries(fields).every(([name, check]) => check((value as Record<string, unknown>)[name]));

const FIELDS: Record<keyof BackupHeader, Check> = {
  id: (value) => typeof value === 'string' && isId(value),
  createdAt: isSize,
  trigger: isOneOf(...TRIGGERS),
  note: (value) => value === null || isText(value),
  appVersion: isText,
  databaseType: isOneOf('sqlite', 'postgres'),
  format: isOneOf(...FORMATS),
  includesLogs: isOneOf(true, false),
  compression: isOneOf(...COMPRESSIONS),
  encryption: isOneOf('aes-256-gcm', 'none'),
  keyId: (value) => typeof value === 'string' && /^[0-9a-f]{8,16}$/.test(value),
  salt: (value) => typeof value === 'string' && /^[A-Za-z0-9_-]{22,64}$/.test(value),
  originalBytes: isSize,
  parts: isListOf(
    isObject({
      name: (value) => typeof value === 'string' && PART_NAME.test(value) && !value.includes('..'),
      sizeBytes: isSize,
      sha256: (value) => typeof value === 'string' && SHA256.test(value),
    }),
  ),
  tables: isListOf(isObject({ name: isText, rows: isSize })),
  migrations: isListOf(isText),
  logMigrations: (value) => value === null || isListOf(isText)(value),
};

/** What is wrong with something that ought to be a head; null: nothing. */
export function problemOf(given: unknown): string | null {
  if (typeof given !== 'object' || given === null) return 'it is no object';
  const values = given as Record<string, unknown>;
  for (const [name, check] of Object.entries(FIELDS)) {
    if (!check(values[name])) return `${name} is not valid`;
  }
  const { parts, originalBytes, format, databaseType } = given as BackupHeader;
  if (new Set(parts.map(({ name }) => name)).size !== parts.length) return 'two parts have one name';
  if (parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) !== originalBytes) return 'the sizes do not add up';
  return (format === 'sqlite') === (databaseType === 'sqlite') ? null : 'format and database do not go together';
}
