import { createMigratedDatabase, type MigratedDatabase, readerOf } from '../../test/support/migrated-database';
import { logStoreOf, toEntry } from '../../test/support/log-stores';
import { newId } from '../common/ids';
import type { Reader } from '../database/reader';
import type { LogEntryRow } from './log-batch';
import { DAY_MS, startOfStep } from '../metrics/steps';
import type { LogStore } from './log-store';
import { OTHERS } from './roll-up-keys';

/** Yesterday: minutes are kept for two days. */
const NOON = startOfStep(Date.now(), DAY_MS) - DAY_MS / 2;

const anAnswer = (given: Record<string, unknown> = {}): LogEntryRow =>
  toEntry('mcp', {
    id: newId(),
    at: NOON,
    toolId: 't-1',
    toolName: 'weather',
    direction: 'from-server',
    kind: 'response',
    method: 'tools/call',
    target: 'forecast',
    outcome: 'ok',
    durationMs: 10,
    sizeBytes: 1,
    truncated: false,
    ...given,
  });
const aRequest = (given: Record<string, unknown> = {}) =>
  anAnswer({ kind: 'request', outcome: null, durationMs: null, ...given });
const aLine = (at = NOON, severity = 1) => toEntry('system', { id: newId(), at, severity, message: 'a' });

describe('the roll-ups of the logs', () => {
  let db: MigratedDatabase;
  let reader: Reader;
  let store: LogStore;

  const select = (sql: string) => reader.query({ sql, values: [] });
  const counts = async (step: number) =>
    (
      await select(`SELECT log, part, at, entries, errors FROM log_rollup WHERE step = ${step} ORDER BY log, part, at`)
    ).map((row) => [row['log'], row['part'], Number(row['at']) - NOON, Number(row['entries']), Number(row['errors'])]);
  const calls = async (step: number) =>
    (await select(`SELECT * FROM mcp_rollup WHERE step = ${step} ORDER BY at, target, method`)).map((row) => ({
      target: row['target'],
      ok: Number(row['ok']),
      timeout: Number(row['timeout']),
      notifications: Number(row['notifications']),
      durations: row['durations'],
    }));
  /** What the tables say, whatever way it came there. */
  const everything = async () => [
    await select('SELECT * FROM log_rollup ORDER BY log, step, at, part'),
    await select('SELECT * FROM mcp_rollup ORDER BY step, at, key'),
    await select('SELECT * FROM log_rollup_mark ORDER BY log'),
  ];
  const rollUpAll = async () => {
    while (await store.rollUp());
  };

  beforeEach(async () => {
    db = await createMigratedDatabase();
    reader = readerOf(db);
    store = logStoreOf(db);
  });

  afterEach(async () => {
    await store.close();
    await reader.close();
    await db.drop();
  });

  it('count rows by minute, hour and day, and requests by their end', async () => {
    const minute = 60_000;
    await store.write([
      aRequest(),
      anAnswer(),
      aRequest({ at: NOON + 59_999 }),
      anAnswer({ at: NOON + minute, outcome: 'timeout', kind: 'error', durationMs: 30_000 }),
      anAnswer({
        at: NOON + 70 * minute,
        kind: 'notification',
        method: 'notifications/message',
        target: null,
        outcome: null,
        durationMs: null,
      }),
      // Too late: its request had ended before.
      anAnswer({ at: NOON + 70 * minute, outcome: null, durationMs: null }),
      aLine(),
      aLine(NOON, 3),
    ]);
    await store.rollUp();
    expect(await counts(60)).toEqual([
      ['mcp', '', 0, 3, 0],
      ['mcp', '', minute, 1, 1],
      ['mcp', '', 70 * minute, 2, 0],
      ['system', '1', 0, 1, 0],
      ['system', '3', 0, 1, 0],
    ]);
    expect(await counts(3_600)).toEqual([
      ['mcp', '', 0, 4, 1],
      ['mcp', '', 60 * minute, 2, 0],
      ['system', '1', 0, 1, 0],
      ['system', '3', 0, 1, 0],
    ]);
    expect((await calls(86_400)).sort((a, b) => b.ok - a.ok)).toMatchObject([
      { target: 'forecast', ok: 1, timeout: 1, notifications: 0 },
      { target: null, ok: 0, timeout: 0, notifications: 1 },
    ]);
  });

  it('are the same whether rows were counted as they came, were read after a kill, or in pieces of both', async () => {
    const batch = () =>
      Array.from({ length: 40 }, (_, n) => anAnswer({ at: NOON + n * 7_000, durationMs: n, target: `t-${n % 5}` }));
    const batches = [batch(), batch(), batch(), [aLine(), aLine()]];
    for (const rows of batches) await store.write(rows);
    await store.rollUp();
    const counted = await everything();
    for (const table of ['log_rollup', 'mcp_rollup', 'log_rollup_mark', 'mcp_log', 'system_log'])
      await db.deleteLog(table);
    // Killed before it was written down; then written down in part.
    for (const [place, rows] of batches.entries()) {
      await store.close();
      await store.write(rows);
      if (place === 1) await store.rollUp();
    }
    await store.close();
    await rollUpAll();
    await rollUpAll();
    expect(await everything()).toEqual(counted);
  });

  it('read what an older version has left, some thousand rows at a time', async () => {
    for (let n = 0; n < 6; n++) await store.write(Array.from({ length: 2_000 }, () => anAnswer()));
    await store.close();
    expect(await store.rollUp()).toBe(true);
    expect(await counts(60)).toEqual([['mcp', '', 0, 5_000, 0]]);
    // What comes meanwhile is not counted before its turn.
    await store.write([anAnswer({ at: NOON + 60_000 })]);
    await rollUpAll();
    expect(await counts(60)).toEqual([
      ['mcp', '', 0, 12_000, 0],
      ['mcp', '', 60_000, 1, 0],
    ]);
    await store.write([anAnswer({ at: NOON + 60_000 })]);
    expect(store.notRolledUp).toBe(1);
  });

  it('stay when the rows are deleted, and the next rows are counted and numbered behind them', async () => {
    await store.write([anAnswer(), anAnswer()]);
    await store.rollUp();
    await db.deleteLog('mcp_log');
    await store.close();
    expect(await store.write([anAnswer()])).toEqual([3]);
    await store.rollUp();
    expect(await counts(86_400)).toEqual([['mcp', '', -12 * 3_600_000, 3, 0]]);
  });

  it('have no more names a day than can be read at once, however many strangers invent', async () => {
    const rows = Array.from({ length: 500 }, (_, n) => anAnswer({ target: `file:///${n}` }));
    await store.write(rows);
    await store.write(Array.from({ length: 100 }, (_, n) => anAnswer({ method: `x/${n}`, target: null })));
    await store.rollUp();
    await store.close();
    // After a start the names of the day are known.
    await store.write([anAnswer({ target: 'file:///0' }), anAnswer({ target: 'file:///later' })]);
    await store.rollUp();
    const day = await calls(86_400);
    expect(day).toHaveLength(102);
    expect(
      day
        .filter(({ target }) => target === OTHERS)
        .map(({ ok }) => ok)
        .sort((a, b) => a - b),
    ).toEqual([100, 401]);
    expect(day.find(({ target }) => target === 'file:///0')).toMatchObject({ ok: 2 });
    // Another tool has its own room.
    await store.write([anAnswer({ toolId: 't-2', target: 'mine' })]);
    await store.rollUp();
    expect((await calls(86_400)).filter(({ target }) => target === 'mine')).toHaveLength(1);
  });

  it('let go of minutes after two days', async () => {
    const hour = 3_600_000;
    await store.write([anAnswer({ at: Date.now() - 60 * hour }), anAnswer({ at: Date.now() })]);
    await store.rollUp();
    for (let n = 0; n < 3; n++) {
      await store.write([anAnswer({ at: Date.now() })]);
      await store.rollUp();
    }
    await store.close();
    await store.write([anAnswer({ at: Date.now() })]);
    await store.rollUp();
    const [minutes] = await select('SELECT min(at) AS oldest FROM mcp_rollup WHERE step = 60');
    const [hours] = await select('SELECT min(at) AS oldest FROM mcp_rollup WHERE step = 3600');
    expect(Number(minutes?.['oldest'])).toBeGreaterThan(Date.now() - hour);
    expect(Number(hours?.['oldest'])).toBeLessThan(Date.now() - 59 * hour);
  });
});
