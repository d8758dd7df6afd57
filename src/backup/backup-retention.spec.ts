import type { BackupManifest } from './backup-manifest';
import { newManifest } from './backup-manifest';
import { expired } from './backup-retention';

const DAY = 86_400_000;
const START = Date.UTC(2026, 0, 1, 2);

let count = 0;
function aBackup(given: Partial<BackupManifest> = {}): BackupManifest {
  const id = `0192f0c1-0000-7000-8000-${String(++count).padStart(12, '0')}`;
  const createdAt = given.createdAt ?? START;
  const base = newManifest({ id, createdAt, trigger: 'schedule', note: null });
  return { ...base, state: 'completed', verifiedAt: createdAt, ...given };
}

/** As the schedule does it: each night one more, and what is past its time goes. */
function nights(number: number, keep: number): BackupManifest[] {
  let kept: BackupManifest[] = [];
  for (let night = 0; night < number; night++) {
    kept.push(aBackup({ createdAt: START + night * DAY }));
    const gone = new Set(expired(kept, keep));
    kept = kept.filter((backup) => !gone.has(backup));
  }
  return kept;
}

const daysOf = (backups: readonly BackupManifest[]) =>
  backups.map(({ createdAt }) => new Date(createdAt).toISOString().slice(0, 10));

describe('retention', () => {
  it('keeps the newest ones, and the newest of seven days, four weeks and six months', () => {
    const kept = daysOf(nights(200, 3));
    // 200 nights end on 19 July, a Sunday: the ends of months and weeks stay.
    expect(kept.slice(0, -7)).toEqual(expect.arrayContaining(['2026-02-28', '2026-03-31', '2026-04-30', '2026-05-31']));
    expect(kept.slice(0, -7)).toEqual(expect.arrayContaining(['2026-06-30', '2026-07-05', '2026-07-12']));
    expect(kept.length).toBeLessThanOrEqual(17);
    expect(kept.slice(-7)).toEqual(
      Array.from({ length: 7 }, (_, n) => new Date(START + (193 + n) * DAY).toISOString().slice(0, 10)),
    );
  });

  it('leaves alone what somebody has made or uploaded', () => {
    const made = Array.from({ length: 50 }, (_, n) =>
      aBackup({ createdAt: START + n, trigger: n % 2 ? 'manual' : 'upload' }),
    );
    expect(expired(made, 1)).toEqual([]);
  });

  it('never takes the newest verified one, however old it is', () => {
    const verified = aBackup({ createdAt: START });
    const doubtful = Array.from({ length: 400 }, (_, n) =>
      aBackup({ createdAt: START + (n + 1) * DAY, verifiedAt: null, verification: null }),
    );
    let kept = [verified, ...doubtful];
    for (let round = 0; round < 100; round++) {
      const gone = new Set(expired(kept, 1));
      kept = kept.filter((backup) => !gone.has(backup));
    }
    expect(kept).toContain(verified);
    expect(kept.length).toBeLessThan(20);
  });

  it('keeps the newest five safety backups and the last twenty failures', () => {
    const safety = Array.from({ length: 8 }, (_, n) => aBackup({ createdAt: START + n, trigger: 'pre-restore' }));
    const failed = Array.from({ length: 25 }, (_, n) =>
      aBackup({ createdAt: START + n, state: 'failed', verifiedAt: null }),
    );
    const gone = expired([...safety, ...failed], 7);
    expect(new Set(gone)).toEqual(new Set([...safety.slice(0, 3), ...failed.slice(0, 5)]));
  });

  it('F63: takes no more because a clock has jumped: it looks at no clock', () => {
    const regular = Array.from({ length: 10 }, (_, n) => aBackup({ createdAt: START + n * DAY }));
    // Two days ahead, an hour back, the same second twice.
    const jumped = [aBackup({ createdAt: START + 12 * DAY }), aBackup({ createdAt: START + 9 * DAY - 3_600_000 })];
    const before = new Set(expired(regular, 3));
    const after = expired([...regular, ...jumped, aBackup({ createdAt: START + 9 * DAY })], 3);
    expect(after.length).toBeLessThanOrEqual(before.size + jumped.length + 1);
    // A century ahead, nothing but one run's share goes.
    const century = expired([...regular, aBackup({ createdAt: START + 36_500 * DAY })], 3);
    expect(century.length).toBeLessThanOrEqual(2);
  });

  it('F63: takes a fifth of them at once at most', () => {
    const hourly = Array.from({ length: 100 }, (_, n) => aBackup({ createdAt: START + n * 3_600_000 }));
    expect(expired(hourly, 1)).toHaveLength(20);
    expect(daysOf(expired(hourly, 1))).toEqual(Array(20).fill('2026-01-01'));
  });
});
