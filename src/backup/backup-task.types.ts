import type { BackupHeader, PartDescription } from './backup-header';
import type { PackedFile } from './backup-file';
import type { PostgresPrograms } from './postgres-programs';
import type { PostgresContent, PostgresSnapshot } from './postgres-snapshot.repository';
import type { SqliteContent } from './sqlite-copy.repository';

/** What the backup thread can be asked, and what it answers. */
export interface BackupTasks {
  /** A consistent copy of a SQLite file. */
  'sqlite.copy': { given: { from: string; to: string }; answer: SqliteContent };
  /** Integrity, references and counts of a SQLite file. */
  'sqlite.check': { given: { file: string }; answer: SqliteContent };
  /** Counts of a file that others are writing to. */
  'sqlite.count': { given: { file: string }; answer: SqliteContent };
  /** The content of one SQLite file into another, live one. */
  'sqlite.replace': { given: { from: string; live: string }; answer: null };
  'postgres.snapshot': {
    given: { url: string; folder: string; withoutTables: string[]; programs: PostgresPrograms | null };
    answer: PostgresSnapshot;
  };
  /** An archive into an empty database. */
  'postgres.restore': { given: { url: string; file: string; programs: PostgresPrograms }; answer: null };
  /** Rows into the tables of a database that has been migrated. */
  'postgres.copy-in': { given: { url: string; folder: string; tables: string[] }; answer: null };
  /** Rows from one database into another. */
  'postgres.carry': { given: { fromUrl: string; toUrl: string; tables: string[] }; answer: null };
  'postgres.count': { given: { url: string; withoutTables: string[] }; answer: PostgresContent };
  describe: { given: { folder: string; names: string[] }; answer: PartDescription[] };
  pack: {
    given: { target: string; header: BackupHeader; folder: string; key: Uint8Array };
    answer: PackedFile;
  };
  unpack: {
    given: {
      file: string;
      folder: string | null;
      keys: [id: string, key: Uint8Array][];
      maxBytes: number;
      withoutKey: boolean;
    };
    answer: PackedFile & { header: BackupHeader };
  };
}

export type TaskName = keyof BackupTasks;

export interface TaskRequest {
  name: TaskName;
  given: unknown;
}

export type TaskMessage =
  | { type: 'progress'; done: number; total: number }
  /** A program was started, which is to end with the task. */
  | { type: 'child'; pid: number }
  | { type: 'done'; answer: unknown }
  /** `refusal`: it was a BackupRefusedError, made anew on the other side. */
  | { type: 'failed'; message: string; code: string | null; refusal: boolean };
