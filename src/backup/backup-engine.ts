import type { BackupFormat, BackupHeader, ContentSummary, DatabaseType } from './backup-header';
import type { OnProgress } from './backup-threads';
import type { RestorePlan } from './restore-journal';
import type { Staged, StagingOrder } from './staging.repository';

export interface SnapshotOrder {
  /** Id of the backup or restore that it is for: names of scratch databases come from it. */
  id: string;
  /** An empty folder of ours. */
  folder: string;
  includeLogs: boolean;
  onProgress: OnProgress;
}

/** A copy that was opened and has exactly the rows that were counted in its snapshot. */
export interface Snapshot extends ContentSummary {
  format: BackupFormat;
  includesLogs: boolean;
  /** Files of the folder, in the order in which they are packed. */
  partNames: string[];
}

export interface ProofOrder {
  id: string;
  /** Where the parts are. */
  folder: string;
  header: BackupHeader;
}

/** What differs between the databases in making a backup, proving it, and putting it into the place of the live data. */
export interface BackupEngine {
  readonly databaseType: DatabaseType;

  /** A consistent copy beside running writes. @throws BackupRefusedError, BackupFailedError */
  snapshot(order: SnapshotOrder): Promise<Snapshot>;

  /** Opens what was unpacked, and compares it with what the head says. @throws BackupRefusedError */
  prove(order: ProofOrder): Promise<void>;

  /** Bytes that the live data takes. */
  sizeBytes(): Promise<number>;

  /**
   * Makes of what was unpacked a database that is ready to take the place of the live one: proven, under the present key,
   * migrated, without sessions. Nothing of the live data is touched. @throws BackupRefusedError
   */
  stage(order: ProofOrder, staging: StagingOrder): Promise<Staged>;

  /** Bytes that a restore takes on the disk of DATA_DIR once it is staged. */
  roomToRestore(header: BackupHeader): Promise<number>;

  /** How a staged database is put in place and the old one back; written down before anything happens. */
  plan(id: string, folder: string, header: BackupHeader): RestorePlan;

  /** Keeps the old data where `rollBack` finds it; nobody writes any more. */
  keepOld(plan: RestorePlan, onProgress: OnProgress): Promise<void>;

  /** All of the staged data or nothing, unless it is interrupted: then `rollBack` is to follow. */
  swap(plan: RestorePlan, hooks: { onProgress: OnProgress; between: () => Promise<void> }): Promise<void>;

  /** Whether what is live now is what was staged: null, or what is otherwise. */
  differenceLive(plan: RestorePlan, content: ContentSummary): Promise<string | null>;

  /** Removes what a job or a restore has left outside of its folder. Idempotent. */
  cleanUp(id: string): Promise<void>;
}

/** Row counts that differ, as a sentence; null: none. */
export function differenceOf(
  expected: Pick<ContentSummary, 'tables'>,
  found: Pick<ContentSummary, 'tables'>,
): string | null {
  const counts = new Map(found.tables.map(({ name, rows }) => [name, rows]));
  for (const { name, rows } of expected.tables) {
    const there = counts.get(name);
    if (there !== rows) return `${name} has ${there ?? 'no table'} instead of ${rows} rows`;
    counts.delete(name);
  }
  const [more] = counts.keys();
  return more === undefined ? null : `${more} is there in addition`;
}
