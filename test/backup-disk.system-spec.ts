/** A full disk under the backups, by a tmpfs of 6 MiB: needs root. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { aBackup, verified } from './support/backups';
import { removeTemporaryFolders, temporaryFolder } from './support/temporary-folder';
import { startTestApp, type TestApp } from './support/test-app';

let app: TestApp;
let disk: string;

beforeEach(async () => {
  disk = join(temporaryFolder(), 'disk');
  mkdirSync(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', disk]);
  app = await startTestApp({ env: { BACKUP_DIR: disk } });
});

afterEach(async () => {
  await app.stop();
  execFileSync('umount', [disk]);
  removeTemporaryFolders();
});

describe('a disk that is full', () => {
  it('F49, B8: fails the backup alone, leaves no half file, and keeps those of before', async () => {
    const good = await aBackup(app);
    expect(good.state).toBe('completed');
    const files = readdirSync(disk).sort();
    const filler = join(disk, 'filler');
    const free = Number(execFileSync('df', ['--output=avail', '-k', disk]).toString().trim().split('\n')[1]) * 1024;
    writeFileSync(filler, Buffer.alloc(free - 20_000));
    const failed = await aBackup(app);
    expect(failed).toMatchObject({ state: 'failed', error: { code: 'disk_full' }, sizeBytes: null });
    expect(
      readdirSync(disk)
        .filter((name) => name !== 'filler' && !name.startsWith(failed.id))
        .sort(),
    ).toEqual(files);
    expect(readdirSync(disk).filter((name) => name.endsWith('.mcpsbak'))).toEqual([`${good.id}.mcpsbak`]);
    expect(
      (await app.post('/users', { username: 'goes-on', password: 'a long password indeed', role: 'viewer' })).status,
    ).toBe(201);
    expect((await verified(app, good.id)).verification.state).toBe('passed');
    // By itself, as soon as there is room.
    rmSync(filler);
    expect((await aBackup(app)).state).toBe('completed');
  });
});
