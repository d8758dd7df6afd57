import type { BackupHeader, PartDescription } from './backup-header';
import type { PackedFile } from './backup-file';
import type { SqliteContent } from './sqlite-copy.repository';

/** What the backup thread can be asked, and what it answers. */
export interface BackupTasks {
  /** A consistent copy of a SQLite file. */
  'sqlite.copy': { given: { from: string; to: string }; answer: SqliteContent };
  /** Integrity, references and counts of a SQLite file. */
  'sqlite.check': { given: { file: string }; answer: SqliteContent };
  /** The content of one SQLite file into another, live one. */
  'sqlite.replace': { given: { from: string; live: string }; answer: null };
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
  | { type: 'done'; answer: unknown }
  /** `refusal`: it was a BackupRefusedError, made anew on the other side. */
  | { type: 'failed'; message: string; code: string | null; refusal: boolean };
