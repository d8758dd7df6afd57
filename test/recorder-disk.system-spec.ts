/** A full disk, by a tmpfs of 6 MiB: needs root. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { SCHEMA } from '../src/app.schema';
import { createDataSource, logDataSourceOptions } from '../src/database/data-source';
import { logDatabaseFile, type LogTarget } from '../src/database/log-database';
import { migrate } from '../src/database/migration-runner';
import { SqliteReader } from '../src/database/sqlite-reader';
import { waitUntil } from './support/process-tree';
import { startRecording } from './support/recording';
import { removeTemporaryFolders, temporaryFolder } from './support/temporary-folder';

beforeAll(() => Logger.overrideLogger(false));

let disk: string;
let target: LogTarget & { type: 'sqlite' };

beforeEach(async () => {
  disk = join(temporaryFolder(), 'disk');
  mkdirSync(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', disk]);
  const mainFile = join(disk, 'mcps.db');
  target = { type: 'sqlite', file: logDatabaseFile(mainFile), mainFile };
  const main = await createDataSource({ type: 'sqlite', file: mainFile, temporary: false }, SCHEMA).initialize();
  await migrate(main, { type: 'sqlite', file: mainFile, temporary: true });
  await main.destroy();
  const logs = await new DataSource(logDataSourceOptions(mainFile, SCHEMA)).initialize();
  await migrate(logs, { type: 'sqlite', file: target.file, temporary: true });
  await logs.destroy();
});

afterEach(() => {
  execFileSync('umount', [disk]);
  removeTemporaryFolders();
});

describe('a full disk', () => {
  it('F48: sheds what finds no room, counts it, keeps nobody waiting, and recovers by itself when there is space again', async () => {
    const recording = startRecording(target, join(disk, 'spool'));
    const reader = new SqliteReader({ mainFile: target.mainFile, logFile: target.file });
    recording.send(100);
    await recording.drained();
    // Something else takes all but a little.
    const filler = join(disk, 'filler');
    const free = Number(execFileSync('df', ['--output=avail', '-k', disk]).toString().trim().split('\n')[1]) * 1024;
    writeFileSync(filler, Buffer.alloc(free - 300_000));
    let p99Ms = Infinity;
    // A busy machine may delay some of these tries.
    for (let n = 0; n < 5 && p99Ms >= 100; n++) p99Ms = Math.min(p99Ms, (await recording.sendFor(3_000, 2_000)).p99Ms);
    await waitUntil(() => recording.recorder.counters.dropped > 0, { what: 'the disk is full' });
    const full = recording.recorder.counters;
    expect(full.dropped).toBeGreaterThan(0);
    expect(full.droppedBy.map(({ tool }) => tool)).toEqual(full.droppedBy.map(() => 'weather'));
    expect(p99Ms).toBeLessThan(100);
    rmSync(filler);
    const isBack = () => recording.recorder.counters.queued === 0 && recording.recorder.counters.spoolBytes === 0;
    await waitUntil(isBack, { what: 'there is room for all again' });
    recording.send(100);
    await recording.drained();
    const { dropped, written } = recording.recorder.counters;
    expect(written + dropped).toBe(recording.sent);
    const [row] = await reader.query({
      sql: 'SELECT count(*) AS n, max(CAST(rpc_id AS integer)) AS last FROM mcp_log',
      values: [],
    });
    expect(row).toEqual({ n: written, last: recording.sent - 1 });
    const markers = () =>
      reader.query({ sql: `SELECT message FROM system_log WHERE context = 'Recorder'`, values: [] });
    await waitUntil(async () => (await markers()).length > 0, { what: 'what was dropped is told' });
    const [check] = await reader.query({ sql: 'PRAGMA logs.integrity_check', values: [] });
    expect(check).toEqual({ integrity_check: 'ok' });
    await recording.close();
    await reader.close();
  });
});
