import { noise } from '../../test/support/noise';
import { createMigratedDatabase, type MigratedDatabase, readerOf } from '../../test/support/migrated-database';
import { logStoreOf, toEntry } from '../../test/support/log-stores';
import { newId } from '../common/ids';
import type { Reader } from '../database/reader';
import { DAY_MS, HOUR_MS, MINUTE_MS, startOfStep } from '../metrics/steps';
import { summarizeCalls } from './call-summary';
import type { LogEntryRow } from './log-batch';
import { planStats, type StatsRequest } from './log-stats-plan';
import { LogStatsRepository } from './log-stats.repository';
import { LogStorageRepository } from './log-storage.repository';
import type { LogStore } from './log-store';

const NOW = startOfStep(Date.now(), HOUR_MS);

const anAnswer = (given: Record<string, unknown> = {}): LogEntryRow =>
  toEntry('mcp', {
    id: newId(),
    at: NOW - MINUTE_MS,
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
    payload: noise(500),
    ...given,
  });

describe('statistics', () => {
  let db: MigratedDatabase;
  let reader: Reader;
  let store: LogStore;
  let repository: LogStatsRepository;

  const ask = async (request: StatsRequest, now = NOW) => {
    const { entries, calls } = await repository.count(planStats(request, now, true));
    const byMethod = await summarizeCalls(calls);
    return { total: entries.reduce((sum, each) => sum + each.entries, 0), entries, byMethod };
  };

  beforeEach(async () => {
    db = await createMigratedDatabase();
    reader = readerOf(db);
    store = logStoreOf(db);
    repository = new LogStatsRepository(reader);
  });

  afterEach(async () => {
    await store.close();
    await reader.close();
    await db.drop();
  });

  it('are exact wherever the boundary between roll-ups and rows lies', async () => {
    const at = NOW - 3 * HOUR_MS;
    const rows = Array.from({ length: 400 }, (_, n) =>
      anAnswer({ at: at + n * 20_000, target: `t-${n % 3}`, durationMs: n, outcome: n % 4 === 0 ? 'timeout' : 'ok' }),
    );
    for (let n = 0; n < 400; n += 100) {
      await store.write(rows.slice(n, n + 100));
      if (n === 100) await store.rollUp();
      const { total, byMethod } = await ask({ from: at - HOUR_MS });
      expect(total).toBe(n + 100);
      expect(byMethod.reduce((sum, { count }) => sum + count, 0)).toBe(n + 100);
    }
    const mixed = await ask({ from: at - HOUR_MS });
    await store.rollUp();
    expect((await ask({ from: at - HOUR_MS })).byMethod).toEqual(mixed.byMethod);
    expect(mixed.byMethod.find(({ target }) => target === 't-1')).toMatchObject({
      tool: 'weather',
      method: 'tools/call',
      count: 133,
      errors: 33,
      errorRate: 0.2481,
      byOutcome: { ok: 100, timeout: 33 },
    });
  });

  it('have percentiles within 2 %, from rows and from roll-ups of many steps', async () => {
    const rows = Array.from({ length: 1_000 }, (_, n) => anAnswer({ durationMs: n + 1, at: NOW - MINUTE_MS + n }));
    await store.write(rows);
    const byRows = await ask({ from: NOW - 2 * MINUTE_MS });
    await store.rollUp();
    const byRollUps = await ask({ from: NOW - 30 * HOUR_MS, to: NOW });
    for (const { byMethod } of [byRows, byRollUps]) {
      const [{ p50Ms, p95Ms, p99Ms } = { p50Ms: 0, p95Ms: 0, p99Ms: 0 }] = byMethod;
      for (const [told, real] of [
        [p50Ms, 500],
        [p95Ms, 950],
        [p99Ms, 990],
      ] as const) {
        expect(Math.abs(Number(told) - real) / real).toBeLessThan(0.021);
      }
    }
  });

  it('put entries into their buckets, and count nothing outside of the time', async () => {
    const at = NOW - 2 * HOUR_MS;
    await store.write([
      ...[-1, 0, 899_999, 900_000].map((offset) =>
        anAnswer({ at: at + offset, outcome: offset === 0 ? 'rpc_error' : 'ok' }),
      ),
      toEntry('system', { id: newId(), at: at + 1, severity: 3, message: 'a' }),
    ]);
    for (let n = 0; n < 2; n++) {
      const { entries } = await ask({ from: at, to: at + HOUR_MS, bucketSeconds: 900 });
      expect(entries.map((each) => [each.log, each.part, each.at - at, each.entries, each.errors]).sort()).toEqual([
        ['mcp', '', 0, 2, 1],
        ['mcp', '', 900_000, 1, 0],
        ['system', '3', 0, 1, 0],
      ]);
      await store.rollUp();
    }
  });

  it('of a tool that was renamed are those of one tool, by the name it has', async () => {
    await store.write([anAnswer({ toolName: 'climate', at: NOW - HOUR_MS }), anAnswer()]);
    await store.rollUp();
    await store.write([anAnswer({ at: NOW - 30_000 })]);
    expect((await ask({})).byMethod).toMatchObject([{ tool: 'weather', count: 3 }]);
  });

  it('outlive the rows that they count', async () => {
    await store.write([anAnswer(), anAnswer()]);
    await store.rollUp();
    const before = await ask({ from: NOW - DAY_MS });
    await db.deleteLog('mcp_log');
    expect(await ask({ from: NOW - DAY_MS })).toEqual(before);
    // A short time is counted from the rows there are.
    expect((await ask({ from: NOW - 5 * MINUTE_MS })).total).toBe(0);
  });

  it('tell what the logs hold, without counting', async () => {
    const storage = new LogStorageRepository(reader);
    expect(await storage.read()).toMatchObject({ system: { rows: 0, bytes: 0 }, mcp: { rows: 0, bytes: 0 } });
    for (let n = 0; n < 5; n++) await store.write(Array.from({ length: 1_000 }, () => anAnswer()));
    const { mcp, system, operations } = await storage.read();
    expect([mcp.rows, system.rows, operations.rows]).toEqual([5_000, 0, 0]);
    // 500 bytes of payload each, and what a row and its indexes take.
    expect(mcp.bytes / 5_000).toBeGreaterThan(500);
    expect(mcp.bytes / 5_000).toBeLessThan(2_000);
  });

  it('show the most frequent 500 methods and targets, and all others as one', async () => {
    const calls = Array.from({ length: 600 }, (_, n) => ({
      ...{
        toolId: 't-1',
        toolName: 'weather',
        method: 'tools/call',
        target: `t-${n}`,
        lastAt: 1,
        sketches: null,
        bucket: 9,
      },
      counts: [n + 1, 0, 0, 0, 0, 0, 0],
    }));
    const views = await summarizeCalls(calls);
    expect(views).toHaveLength(501);
    expect(views.at(-1)).toMatchObject({ tool: '(other)', target: '(other)', count: 5_050, byOutcome: { ok: 5_050 } });
    expect(views[0]).toMatchObject({ target: 't-599', count: 600 });
  });
});
