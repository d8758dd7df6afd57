/** Retention on a full disk, by a tmpfs of 96 MiB: needs root. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { SCHEMA } from '../src/app.schema';
import { newId } from '../src/common/ids';
import { logDataSourceOptions } from '../src/database/data-source';
import { logDatabaseFile } from '../src/database/log-database';
import { migrate } from '../src/database/migration-runner';
import { Ballast } from '../src/logs/ballast';
import { SqliteLogStore } from '../src/logs/sqlite-log.repository';
import { toEntry } from './support/log-stores';
import { noise } from './support/noise';
import { removeTemporaryFolders, temporaryFolder } from './support/temporary-folder';

const BALLAST_BYTES = 8 * 1024 * 1024;

beforeAll(() => Logger.overrideLogger(false));

describe('retention on a full disk', () => {
  let disk: string;
  let file: string;
  let store: SqliteLogStore;

  const rows = (count: number, at: number) =>
    Array.from({ length: count }, () =>
      toEntry('mcp', {
        ...{ id: newId(), at, toolId: 't', toolName: 't', direction: 'to-server', kind: 'request' },
        ...{ sizeBytes: 1, truncated: false, payload: noise(2_000) },
      }),
    );
  const freeBytes = () => Number(execFileSync('df', ['--output=avail', '-B1', disk]).toString().trim().split('\n')[1]);
  /** Takes the disk to its last byte. */
  const fillUp = () => {
    for (let n = 0; freeBytes() > 0; n++) writeFileSync(join(disk, `filler-${n}`), Buffer.alloc(freeBytes()));
  };

  beforeEach(async () => {
    disk = join(temporaryFolder(), 'disk');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=96m', 'tmpfs', disk]);
    const mainFile = join(disk, 'mcps.db');
    file = logDatabaseFile(mainFile);
    const logs = await new DataSource(logDataSourceOptions(mainFile, SCHEMA)).initialize();
    await migrate(logs, { type: 'sqlite', file, temporary: true });
    await logs.destroy();
  });

  afterEach(async () => {
    await store.close();
    execFileSync('umount', [disk]);
    removeTemporaryFolders();
  });

  const fillDisk = async (ballast: Ballast) => {
    store = new SqliteLogStore(file, ballast);
    for (let n = 0; n < 20; n++) await store.write(rows(200, n));
    // Empties the write-ahead log, so that whatever is written next needs room.
    await store.upkeep({ task: 'finish' });
    fillUp();
    await expect(store.write(rows(200, 99))).rejects.toMatchObject({ code: 'SQLITE_FULL' });
  };

  it('throws the ballast off to delete, gives the room back, and takes the ballast on again (F48)', async () => {
    const ballastFile = `${file}.ballast`;
    await fillDisk(new Ballast(ballastFile, BALLAST_BYTES));
    const before = statSync(file).size;
    const piece = { task: 'delete', log: 'mcp', before: 19, limit: 100 } as const;
    expect(await store.upkeep(piece)).toMatchObject({ deleted: 100 });
    expect(existsSync(ballastFile)).toBe(false);
    while ((await store.upkeep(piece)).deleted > 0);
    while ((await store.upkeep({ task: 'give-back', pages: 500 })).freePages > 0);
    await store.upkeep({ task: 'finish' });
    expect(statSync(file).size).toBeLessThan(before / 2);
    await store.write(rows(200, 100));
    for (let n = 0; existsSync(join(disk, `filler-${n}`)); n++) rmSync(join(disk, `filler-${n}`));
    await store.upkeep({ task: 'finish' });
    expect(statSync(ballastFile).size).toBe(BALLAST_BYTES);
  });

  it('can delete nothing without the ballast: it is what makes the difference', async () => {
    await fillDisk(new Ballast(join(disk, 'ballast'), Number.MAX_SAFE_INTEGER));
    const piece = { task: 'delete', log: 'mcp', before: 19, limit: 100 } as const;
    await expect(store.upkeep(piece)).rejects.toMatchObject({ code: 'SQLITE_FULL' });
  });
});
