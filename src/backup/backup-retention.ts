import type { BackupManifest } from './backup-manifest';

/** Beside the newest ones: the newest of each of so many days, weeks and months that have one. */
const KEPT = { daily: 7, weekly: 4, monthly: 6 };
/** Safety backups of restores: so many of the newest. */
const KEPT_PRE_RESTORE = 5;
const KEPT_FAILED = 20;
/** Of those that a schedule has made, one run removes that many at most: a mistake then costs a part, not all. */
const MOST_AT_ONCE = 0.2;

/**
 * Which backups can go. Only those of the schedule, safety backups beyond the newest few, and the records of failures;
 * what somebody has made or uploaded stays. Dates are compared with each other and never with the clock, which may have
 * jumped. The newest verified one stays whatever else holds.
 */
export function expired(all: readonly BackupManifest[], keep: number): BackupManifest[] {
  const newestFirst = [...all].sort((a, b) => b.createdAt - a.createdAt);
  const newestVerified = newestFirst.find(isVerified);
  const scheduled = newestFirst.filter(({ trigger, state }) => trigger === 'schedule' && state === 'completed');
  const kept = new Set<BackupManifest>(scheduled.slice(0, keep));
  for (const [count, periodOf] of [
    [KEPT.daily, dayOf],
    [KEPT.weekly, weekOf],
    [KEPT.monthly, monthOf],
  ] as const) {
    for (const backup of newestOfEach(scheduled, periodOf).slice(0, count)) kept.add(backup);
  }
  const doomed = scheduled.filter((backup) => !kept.has(backup) && backup !== newestVerified);
  const most = Math.max(1, Math.floor(scheduled.length * MOST_AT_ONCE));
  const safety = newestFirst.filter(({ trigger, state }) => trigger === 'pre-restore' && state === 'completed');
  const failed = newestFirst.filter(({ state }) => state === 'failed');
  return [
    // The oldest first.
    ...doomed.reverse().slice(0, most),
    ...safety.slice(KEPT_PRE_RESTORE).filter((backup) => backup !== newestVerified),
    ...failed.slice(KEPT_FAILED),
  ];
}

export function isVerified({ state, verifiedAt, verification }: BackupManifest): boolean {
  return state === 'completed' && verifiedAt !== null && verification?.state !== 'failed';
}

function newestOfEach(newestFirst: readonly BackupManifest[], periodOf: (at: Date) => string): BackupManifest[] {
  const found = new Map<string, BackupManifest>();
  for (const backup of newestFirst) {
    const period = periodOf(new Date(backup.createdAt));
    if (!found.has(period)) found.set(period, backup);
  }
  return [...found.values()];
}

const dayOf = (at: Date): string => at.toISOString().slice(0, 10);
const monthOf = (at: Date): string => at.toISOString().slice(0, 7);

/** The Monday that the week began with. */
function weekOf(at: Date): string {
  const monday = new Date(at);
  monday.setUTCDate(at.getUTCDate() - ((at.getUTCDay() + 6) % 7));
  return dayOf(monday);
}
