import { FakeClock } from '../../test/support/fake-clock';
import { Events } from '../events/events';
import type { Settings } from '../settings/settings';
import { BackupCatalogue } from './backup-catalogue';
import { type BackupManifest, newManifest } from './backup-manifest';
import { BackupOverview } from './backup-overview';
import { BackupPlaces } from './backup-places';

const HOUR = 3_600_000;

function aWorld(values: Record<string, unknown> = {}) {
  const clock = new FakeClock();
  const catalogue = new BackupCatalogue(new BackupPlaces({ backupDir: '/nowhere', dataDir: '/nowhere' }), new Events());
  const known: Record<string, unknown> = { 'backup.enabled': true, 'backup.schedule': '0 * * * *', ...values };
  const settings = { get: (key: string) => known[key] } as unknown as Settings;
  let count = 0;
  const add = (given: Partial<BackupManifest>) => {
    const id = `0192f0c1-0000-7000-8000-${String(++count).padStart(12, '0')}`;
    const base = newManifest({ id, createdAt: clock.now(), trigger: 'schedule', note: null });
    catalogue.begin({ ...base, state: 'completed', verifiedAt: clock.now(), ...given });
    return id;
  };
  return { clock, add, catalogue, known, overview: new BackupOverview(catalogue, settings, clock) };
}

describe('how the backups stand', () => {
  it('B11: warns when the newest verified one is older than two intervals of the schedule', () => {
    const { clock, add, overview } = aWorld();
    const id = add({});
    clock.advance(2 * HOUR);
    expect(overview.look()).toMatchObject({
      newestVerified: { id },
      ageSeconds: 7200,
      intervalSeconds: 3600,
      warning: null,
    });
    clock.advance(1000);
    expect(overview.look().warning).toMatch(/older than two intervals/);
    add({ verifiedAt: null });
    expect(overview.look().warning).toMatch(/older than two intervals/);
    add({ state: 'failed', verifiedAt: null });
    expect(overview.look()).toMatchObject({ warning: expect.any(String), last: { verified: false } });
    add({});
    expect(overview.look()).toMatchObject({ warning: null, ageSeconds: 0 });
  });

  it('B11: gives a new installation two intervals for its first one', () => {
    const { clock, overview } = aWorld();
    expect(overview.look()).toMatchObject({ warning: null, last: null, newestVerified: null, ageSeconds: null });
    clock.advance(2 * HOUR + 1000);
    expect(overview.look().warning).toMatch(/no verified backup/);
  });

  it('warns of a newest one that has become bad, at once', () => {
    const { clock, add, overview } = aWorld();
    const error = { code: 'backup_corrupt', message: 'x' };
    add({ verification: { state: 'failed', error, at: clock.now(), durationMs: 1 } });
    expect(overview.look().warning).toMatch(/not good any more/);
  });

  it('is silent about age where the schedule is off', () => {
    const { clock, overview } = aWorld({ 'backup.enabled': false });
    clock.advance(1000 * HOUR);
    expect(overview.look()).toMatchObject({ warning: null, intervalSeconds: null });
  });

  it('goes by what the schedule says now: after a time of it has come, after a change, after the clock was put back', () => {
    // At 0:00 and 6:00 (UTC is not assumed: the two intervals are 6 and 18 hours in any zone without a change of clocks).
    const { clock, known, overview } = aWorld({ 'backup.schedule': '0 0,6 * * *' });
    const seen = new Set<number | null>();
    for (let hour = 0; hour < 24; hour++) {
      seen.add(overview.look().intervalSeconds);
      clock.advance(HOUR);
    }
    expect([...seen].sort()).toEqual([6 * 3_600, 18 * 3_600].sort());
    const before = overview.look().intervalSeconds;
    known['backup.schedule'] = '*/5 * * * *';
    expect(overview.look().intervalSeconds).toBe(300);
    known['backup.schedule'] = '0 0,6 * * *';
    expect(overview.look().intervalSeconds).toBe(before);
    clock.advance(-24 * HOUR);
    expect(overview.look().intervalSeconds).toBe(before);
  });

  it('B14: tells how long a restore takes from the last one, else from the last verification', () => {
    const { clock, add, overview, catalogue } = aWorld();
    const id = add({ verification: { state: 'passed', error: null, at: clock.now(), durationMs: 1500 } });
    expect(overview.look().restoreSeconds).toBe(2);
    const nothing = { phase: 'opening' as const, progress: 1, error: null, safetyBackupId: null, at: clock.now() };
    catalogue.note(id, { restore: { ...nothing, state: 'completed', durationMs: 9_100, downtimeMs: 4_000 } });
    expect(overview.look().restoreSeconds).toBe(10);
  });
});
