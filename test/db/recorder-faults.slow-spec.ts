/** Faults of the catalogue at their true length: `npm run test:slow`. */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Reader } from '../../src/database/reader';
import { describeOn } from '../support/describe-on';
import { writeUntilKilled } from '../support/killed-writer';
import { createMigratedDatabase, logTargetOf, type MigratedDatabase, readerOf } from '../support/migrated-database';
import { type PostgresServer, startPostgresServer } from '../support/postgres-server';
import { startRecording } from '../support/recording';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder';
import { holdWriteLock } from '../support/write-lock';

let db: MigratedDatabase;
let reader: Reader;
let spoolFolder: string;

/** How many messages there are, how many different ones, and how many come out of their order. */
async function summary(from = reader): Promise<{ rows: number; different: number; disordered: number }> {
  const [row] = await from.query(
    {
      sql: `SELECT count(*) AS n, count(DISTINCT rpc_id) AS d, sum(CASE WHEN number < before THEN 1 ELSE 0 END) AS o
        FROM (SELECT rpc_id, number, LAG(number) OVER (ORDER BY seq) AS before
              FROM (SELECT seq, rpc_id, CAST(rpc_id AS integer) AS number FROM mcp_log) AS numbered) AS compared`,
      values: [],
    },
    { limitMs: 60_000 },
  );
  return { rows: Number(row?.['n']), different: Number(row?.['d']), disordered: Number(row?.['o']) };
}

beforeEach(async () => {
  db = await createMigratedDatabase();
  reader = readerOf(db);
  spoolFolder = join(temporaryFolder(), 'spool');
});

afterEach(async () => {
  await reader.close();
  await db.drop();
  removeTemporaryFolders();
});

describe('kill -9 while messages are written', () => {
  it('F57: thirty times at random moments: every batch that was called safe is there, and only whole ones', async () => {
    const target = logTargetOf(db);
    let from = 0;
    for (let round = 0; round < 30; round++) {
      from = (await writeUntilKilled(target, spoolFolder, from, 50 + Math.random() * 700)) + 1;
    }
    const next = startRecording(target, spoolFolder);
    next.send(1);
    await next.drained(60_000);
    await pause(1_000);
    await next.close();
    const rows = await reader.query(
      { sql: 'SELECT CAST(rpc_id AS integer) AS n, count(*) AS c FROM mcp_log GROUP BY 1 ORDER BY 1', values: [] },
      { limitMs: 60_000 },
    );
    const numbers = rows.map((row) => Number(row['n']));
    expect(numbers.slice(0, from)).toEqual(Array.from({ length: from }, (_, index) => index));
    // A batch after a kill has the number of one that was stored but not called safe: then it is there twice, and whole.
    expect(rows.filter((row) => Number(row['n']) > 0 && Number(row['c']) % 20 !== 0)).toEqual([]);
  });
});

describeOn('sqlite', 'a log file locked for a minute', () => {
  it('F47, F64: under 2,000 messages a second loses none and keeps nobody waiting', async () => {
    const target = logTargetOf(db);
    if (target.type !== 'sqlite') throw new Error('SQLite alone');
    const recording = startRecording(target, spoolFolder);
    recording.send(1);
    await recording.drained(5_000);
    const quiet = await recording.sendFor(5_000, 2_000);
    const letGo = await holdWriteLock(target.file);
    const locked = await recording.sendFor(60_000, 2_000);
    await letGo();
    await recording.drained(120_000);
    expect(await summary()).toEqual({ rows: recording.sent, different: recording.sent, disordered: 0 });
    expect(recording.recorder.counters).toMatchObject({ dropped: 0, payloadsDropped: 0 });
    expect(locked.p99Ms).toBeLessThan(Math.max(20, 3 * quiet.p99Ms));
    await recording.close();
  });

  it('F64: with a spool that is too small sheds payloads, then rows, counts each, and says so in one row', async () => {
    const target = logTargetOf(db);
    if (target.type !== 'sqlite') throw new Error('SQLite alone');
    const recording = startRecording(target, spoolFolder, 4 * 1024 * 1024);
    recording.send(1);
    await recording.drained(5_000);
    const letGo = await holdWriteLock(target.file);
    await recording.sendFor(60_000, 2_000);
    const { dropped, payloadsDropped, spoolBytes } = recording.recorder.counters;
    expect(spoolBytes).toBeLessThanOrEqual(4 * 1024 * 1024);
    expect([dropped > 0, payloadsDropped > 0]).toEqual([true, true]);
    await letGo();
    await recording.drained(120_000);
    await pause(5_000);
    const { rows, disordered } = await summary();
    expect([rows, disordered]).toEqual([recording.sent - recording.recorder.counters.dropped, 0]);
    const markers = await reader.query({
      sql: `SELECT message FROM system_log WHERE context = 'Recorder'`,
      values: [],
    });
    expect(markers).toHaveLength(1);
    expect(String(markers[0]?.['message'])).toContain(`${recording.recorder.counters.dropped} log records`);
    await recording.close();
  });
});

describeOn('postgres', 'a PostgreSQL that is stopped at once', () => {
  const shared = process.env['TEST_POSTGRES_URL'];
  let server: PostgresServer;
  let own: MigratedDatabase;

  beforeEach(async () => {
    // One that nobody else needs.
    server = await startPostgresServer({ durable: true });
    process.env['TEST_POSTGRES_URL'] = server.url;
    own = await createMigratedDatabase();
    process.env['TEST_POSTGRES_URL'] = shared;
  });

  afterEach(async () => {
    await own.dataSource.destroy();
    await server.stop();
  });

  it('F55: for 30 s under 2,000 messages a second costs none, and each is there once and in order', async () => {
    const recording = startRecording(logTargetOf(own), spoolFolder);
    await recording.sendFor(2_000, 2_000);
    await server.stopAtOnce();
    await recording.sendFor(30_000, 2_000);
    expect(recording.recorder.counters.spoolBytes).toBeGreaterThan(0);
    await server.startAgain();
    await recording.sendFor(5_000, 2_000);
    await recording.drained(120_000);
    const found = readerOf(own);
    expect(await summary(found)).toEqual({ rows: recording.sent, different: recording.sent, disordered: 0 });
    expect(recording.recorder.counters).toMatchObject({ dropped: 0, payloadsDropped: 0 });
    await recording.close();
    await found.close();
  });
});
