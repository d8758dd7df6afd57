import { isId } from '../common/ids';
import { type BackupHeader, problemOf, type Trigger, TRIGGERS } from './backup-header';
import { BackupRefusedError } from './backup.errors';

export interface Failure {
  code: string;
  message: string;
}

/** What became of opening the file once more. Times are epoch milliseconds. */
export interface Verification {
  state: 'running' | 'passed' | 'failed';
  error: Failure | null;
  at: number;
  durationMs: number | null;
}

export const RESTORE_PHASES = ['staging', 'closing', 'safety-backup', 'swapping', 'checking', 'opening'] as const;
export type RestorePhase = (typeof RESTORE_PHASES)[number];

/** The last restore of a backup. */
export interface RestoreState {
  state: 'running' | 'completed' | 'failed';
  phase: RestorePhase;
  /** From 0 to 1, of the whole. */
  progress: number;
  error: Failure | null;
  /** What was live before: restoring it undoes this restore. */
  safetyBackupId: string | null;
  at: number;
  durationMs: number | null;
  /** How long the service was closed. */
  downtimeMs: number | null;
}

/**
 * One backup as the catalogue has it, and as it stands beside its file (`<id>.json`). Without it there is no backup: it is
 * written last.
 */
export interface BackupManifest {
  version: 1;
  id: string;
  /** Epoch milliseconds. */
  createdAt: number;
  trigger: Trigger;
  note: string | null;
  state: 'running' | 'completed' | 'failed';
  /** From 0 to 1. */
  progress: number;
  /** Null until there is a file. */
  header: BackupHeader | null;
  sizeBytes: number | null;
  sha256: string | null;
  error: Failure | null;
  /** When it was last proven by opening what is in the file. */
  verifiedAt: number | null;
  verification: Verification | null;
  restore: RestoreState | null;
  /** How long it took to make. */
  durationMs: number | null;
}

export function newManifest(given: Pick<BackupManifest, 'id' | 'createdAt' | 'trigger' | 'note'>): BackupManifest {
  return {
    version: 1,
    ...given,
    state: 'running',
    progress: 0,
    header: null,
    sizeBytes: null,
    sha256: null,
    error: null,
    verifiedAt: null,
    verification: null,
    restore: null,
    durationMs: null,
  };
}

/** Reads what stands beside a file. @throws BackupRefusedError when it is damaged, or not about this one */
export function parseManifest(text: string, id: string): BackupManifest {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch (error) {
    throw new BackupRefusedError('backup_manifest_invalid', undefined, error);
  }
  const problem = manifestProblem(given, id);
  if (problem !== null) throw new BackupRefusedError('backup_manifest_invalid', problem);
  const manifest = given as BackupManifest;
  // What was under way when it was written is not any more.
  return {
    ...manifest,
    verification: manifest.verification?.state === 'running' ? null : manifest.verification,
    restore: manifest.restore?.state === 'running' ? null : manifest.restore,
  };
}

function manifestProblem(given: unknown, id: string): string | null {
  if (typeof given !== 'object' || given === null) return 'it is no object';
  const manifest = given as Partial<Record<keyof BackupManifest, unknown>>;
  if (manifest.version !== 1) return 'its version is not known here';
  if (manifest.id !== id || !isId(id)) return 'its id is another one';
  if (!Number.isSafeInteger(manifest.createdAt)) return 'createdAt is not valid';
  if (!TRIGGERS.some((trigger) => trigger === manifest.trigger)) return 'trigger is not valid';
  if (manifest.state === 'failed') return null;
  if (manifest.state !== 'completed') return 'state is not valid';
  if (problemOf(manifest.header) !== null) return `header: ${problemOf(manifest.header) ?? ''}`;
  if ((manifest.header as BackupHeader).id !== id) return 'the head in it is of another one';
  if (!Number.isSafeInteger(manifest.sizeBytes)) return 'sizeBytes is not valid';
  return typeof manifest.sha256 === 'string' && /^[0-9a-f]{64}$/.test(manifest.sha256) ? null : 'sha256 is not valid';
}
