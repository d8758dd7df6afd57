import type { Scheduler } from '../scheduler/scheduler';
import type { Settings } from '../settings/settings';
import type { BackupService } from './backup.service';
import type { BackupCatalogue } from './backup-catalogue';
import { type BackupManifest, newManifest } from './backup-manifest';
import { BackupTestJob } from './backup-test.job';

const aManifest = (number: number): BackupManifest => ({
  ...newManifest({ id: `backup-${number}`, createdAt: number, trigger: 'schedule', note: null }),
  state: 'completed',
});

function aJob(backups: BackupManifest[], error: { code: string; message: string } | null = null) {
  const verifiedIds: string[] = [];
  const catalogue = { list: () => backups } as unknown as BackupCatalogue;
  const verify = (id: string) => {
    verifiedIds.push(id);
    const verification = { state: error === null ? 'passed' : 'failed', error, at: 0, durationMs: 1 };
    return { backup: aManifest(0), done: Promise.resolve({ ...aManifest(0), verification }) };
  };
  const enabled = { get: () => true } as unknown as Settings;
  const job = new BackupTestJob({} as Scheduler, enabled, catalogue, { verify } as unknown as BackupService);
  return { job, verifiedIds };
}

describe('the weekly test of an old backup (B10)', () => {
  it('comes once a week while backups are on', () => {
    expect(aJob([]).job.schedule()).toBe('0 5 * * 0');
  });

  it('opens any of the older ones, each of them sooner or later', async () => {
    const { job, verifiedIds } = aJob([5, 4, 3, 2, 1].map(aManifest));
    for (let week = 0; week < 200; week++) await job.run();
    expect([...new Set(verifiedIds)].sort()).toEqual(['backup-1', 'backup-2', 'backup-3', 'backup-4']);
  });

  it('opens the only one there is, and does nothing where there is none', async () => {
    const one = aJob([aManifest(1)]);
    await one.job.run();
    expect(one.verifiedIds).toEqual(['backup-1']);
    const none = aJob([]);
    await none.job.run();
    expect(none.verifiedIds).toEqual([]);
  });

  it('fails as a job, so that it is seen, when a backup has become bad', async () => {
    const { job } = aJob([aManifest(1)], { code: 'backup_corrupt', message: 'damaged' });
    await expect(job.run()).rejects.toThrow(/backup-1 is not good any more: backup_corrupt/);
  });
});
