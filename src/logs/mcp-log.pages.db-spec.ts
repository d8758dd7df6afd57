import BetterSqlite3 from 'better-sqlite3';
import { describeOn } from '../../test/support/describe-on';
import {
  createMigratedDatabase,
  logTargetOf,
  type MigratedDatabase,
  readerOf,
} from '../../test/support/migrated-database';
import { storeMessages } from '../../test/support/packed-messages';
import {
  Dice,
  KINDS,
  METHODS,
  NAMES,
  randomMessages,
  SESSIONS,
  TARGETS,
  TOOLS,
  WORDS,
} from '../../test/support/random-messages';
import { newId } from '../common/ids';
import type { Reader } from '../database/reader';
import { LogAgesRepository } from './log-ages.repository';
import { LogStatsRepository } from './log-stats.repository';
import type { McpLogRow } from './mcp-log.entity';
import { McpLogRepository } from './mcp-log.repository';
import type { McpLogFilter } from './message-statements';

/** What a repository must do, as plainly as it can be said. */
function filtered(rows: readonly McpLogRow[], filter: McpLogFilter): McpLogRow[] {
  const { from = -Infinity, to = Infinity, order, after, limit, window, search, scope, minDurationMs } = filter;
  const { toolId, toolName, sessionId, direction, kind, method, target } = filter;
  const found = rows.filter(
    (row) =>
      row.at >= from &&
      row.at < to &&
      (after === undefined || (order === 'asc' ? row.seq > after : row.seq < after)) &&
      (window === undefined || (row.seq >= window.first && row.seq <= window.last)) &&
      (search === undefined || (row.payload ?? '').toLowerCase().includes(search.toLowerCase())) &&
      (scope === undefined || scope.includes(row.toolId)) &&
      (minDurationMs === undefined || (row.durationMs ?? -1) >= minDurationMs) &&
      [
        [toolId, row.toolId],
        [toolName, row.toolName],
        [sessionId, row.sessionId],
        [direction, row.direction],
        [kind, row.kind],
        [method, row.method],
        [target, row.target],
      ].every(([wanted, value]) => wanted === undefined || wanted === value),
  );
  return (order === 'asc' ? found : found.toReversed()).slice(0, limit + 1);
}

const ROLLS = new Dice(2_026);
const ROWS = randomMessages(2_500, ROLLS);
const SIZES = [1, 300, 2, 2, 40, 1, 300, 120];
const LAST = ROWS.at(-1)?.seq ?? 0;

function randomFilter(): McpLogFilter {
  const known = <T>(values: readonly (T | null)[]) => ROLLS.oneOf(values.filter((value) => value !== null));
  const [one, other] = [ROLLS.oneOf(ROWS), ROLLS.oneOf(ROWS)];
  const possible: Partial<McpLogFilter>[] = [
    { toolId: ROLLS.oneOf([...TOOLS, 't-rare', 't-none']) },
    { toolName: ROLLS.oneOf([...NAMES, 'nobody']) },
    { sessionId: known([...SESSIONS, 's-rare', 's-rare', 's-none']) },
    { direction: ROLLS.oneOf(['to-server', 'from-server']) },
    { kind: ROLLS.oneOf(KINDS) },
    { method: known([...METHODS, 'completion/complete']) },
    { target: known([...TARGETS, 'rare']) },
    { minDurationMs: ROLLS.oneOf([0, 5, 19.9, 900, 10_000]) },
    { scope: ROLLS.oneOf([[], ['t-1'], ['t-2', 't-rare'], Array.from({ length: 30 }, (_, n) => `t-${n}`)]) },
    { from: one.at + ROLLS.below(3) - 1 },
    { to: other.at + ROLLS.below(3) - 1 },
    { from: Math.min(one.at, other.at), to: Math.max(one.at, other.at) + ROLLS.below(2) },
    { search: ROLLS.oneOf([...WORDS, 'nowhere', 'SNOW', '_']) },
    { after: ROLLS.below(LAST + 2) },
    { window: { first: ROLLS.below(LAST), last: ROLLS.below(LAST + 50) } },
  ];
  const chosen = possible.filter(() => ROLLS.below(4) === 0);
  return Object.assign(
    { order: ROLLS.oneOf(['asc', 'desc'] as const), limit: ROLLS.oneOf([1, 5, 50, 400]) },
    ...chosen,
  ) as McpLogFilter;
}

let db: MigratedDatabase;
let reader: Reader;
let repository: McpLogRepository;

beforeAll(async () => {
  db = await createMigratedDatabase();
  reader = readerOf(db);
  repository = new McpLogRepository(reader);
  await storeMessages(db, ROWS, SIZES);
  if (reader.dialect === 'sqlite') leaveStaleKeys();
});

afterAll(async () => {
  await reader.close();
  await db.drop();
});

/** What is left where messages were deleted from chunks. */
function leaveStaleKeys(): void {
  const target = logTargetOf(db);
  if (target.type !== 'sqlite') return;
  const file = new BetterSqlite3(target.file);
  const stale = file.prepare('INSERT OR IGNORE INTO mcp_chunk_key SELECT ?, first FROM mcp_chunk WHERE first % 3 <> 1');
  for (const key of ['s:s-none', 's:s-rare', 't:t-rare', 'g:rare', 'k:error']) stale.run(key);
  file.exec(`INSERT INTO mcp_chunk_key VALUES ('s:s-none', ${LAST + 100}), ('t:t-1', 0)`);
  file.close();
}

describe('pages of the log of MCP messages', () => {
  it('are those of a plain filter, whatever is asked for', async () => {
    for (let n = 0; n < 600; n++) {
      const filter = randomFilter();
      expect({ filter, rows: await repository.list(filter) }).toEqual({ filter, rows: filtered(ROWS, filter) });
    }
  });

  it('are those of a single moment, also of the first and the last of a chunk', async () => {
    for (let place = 0, turn = 0; place < 800; place += SIZES[turn++ % SIZES.length] ?? 1) {
      for (const { at } of ROWS.slice(Math.max(0, place - 1), place + 1)) {
        const filter = { from: at, to: at + 1, order: 'asc', limit: 10 } as const;
        expect(await repository.list(filter)).toEqual(filtered(ROWS, filter));
      }
    }
  });

  it('follow each other without a gap, and so do all rows that are read page by page', async () => {
    for (let n = 0; n < 40; n++) {
      const { after: _, window: __, limit, ...filter } = randomFilter();
      const all = filtered(ROWS, { ...filter, limit: Infinity });
      const paged: McpLogRow[] = [];
      for (let page: McpLogRow[] | null = null; page === null || page.length > limit;) {
        page = await repository.list({ ...filter, limit, after: paged.at(-1)?.seq });
        paged.push(...page.slice(0, limit));
      }
      expect(paged).toEqual(all);
      const read: McpLogRow[] = [];
      for await (const rows of repository.iterate(filter)) read.push(...rows);
      expect(read).toEqual(all);
    }
  });

  it('are read from any number to any other, without their payloads', async () => {
    const withoutPayload = ROWS.map((row): Partial<McpLogRow> => {
      const { payload: _, ...rest } = row;
      return rest;
    });
    for (let n = 0; n < 50; n++) {
      const [after, upTo, limit] = [ROLLS.below(LAST), ROLLS.below(LAST + 50), ROLLS.oneOf([1, 10, 1_000])];
      const expected = withoutPayload.filter(({ seq = 0 }) => seq > after && seq <= upTo).slice(0, limit);
      expect(await repository.between({ after, upTo, limit })).toEqual(expected);
    }
    expect(await repository.bounds()).toEqual({ first: ROWS[0]?.seq, last: LAST });
  });
});

describe('one message', () => {
  it('is found by its id, of a batch or of its own', async () => {
    for (let n = 0; n < 100; n++) {
      const row = ROLLS.oneOf(ROWS);
      expect(await repository.findById(row.id)).toEqual(row);
    }
    expect(await repository.findById(newId())).toBeNull();
    // The same batch, another count.
    expect(await repository.findById((ROWS.at(-1)?.id ?? '').replace(/7...-/, '7fff-'))).toBeNull();
  });

  it('has the nearest other half, and the neighbours, of a plain filter', async () => {
    for (let n = 0; n < 100; n++) {
      const row = ROLLS.oneOf(ROWS);
      const isRequest = row.kind === 'request';
      const halves = ROWS.filter(
        (each) =>
          each.toolId === row.toolId &&
          each.rpcId === row.rpcId &&
          each.direction !== row.direction &&
          (isRequest ? each.seq > row.seq : each.seq < row.seq) &&
          (isRequest ? ['response', 'error'] : ['request']).includes(each.kind),
      );
      const pair = row.rpcId === null || row.kind === 'notification' ? null : halves.at(isRequest ? 0 : -1);
      expect(await repository.findPair(row)).toEqual(pair ?? null);
      const scope = ROLLS.oneOf([undefined, ['t-1', 't-3']]);
      const near = ROWS.filter(
        (each) =>
          each.sessionId === row.sessionId &&
          (row.sessionId !== null || each.toolId === row.toolId) &&
          (scope === undefined || scope.includes(each.toolId)),
      );
      expect(await repository.neighbours(row, 5, scope)).toEqual({
        before: near.filter(({ seq }) => seq < row.seq).slice(-5),
        after: near.filter(({ seq }) => seq > row.seq).slice(0, 5),
      });
    }
  });
});

describe('what is counted of the log', () => {
  it('are the messages of before a time, to the millisecond', async () => {
    const ages = new LogAgesRepository(reader);
    for (let n = 0; n < 30; n++) {
      const before = ROLLS.oneOf(ROWS).at + ROLLS.below(2);
      expect(await ages.countBefore('mcp', before)).toBe(ROWS.filter(({ at }) => at < before).length);
    }
    const [first, last] = [ROWS[0]?.seq ?? 0, ROWS.at(-1)];
    expect(await ages.span('mcp')).toEqual({ rows: LAST - first + 1, first, newestAt: last?.at });
  });

  it('are the messages of a time and of each bucket, from those that are not in the roll-ups', async () => {
    const stats = new LogStatsRepository(reader);
    for (let n = 0; n < 30; n++) {
      const [from, to] = [ROLLS.oneOf(ROWS).at, ROLLS.oneOf(ROWS).at].sort((a, b) => a - b) as [number, number];
      const source = ROLLS.oneOf(['rows', 'roll-ups'] as const);
      const mark = ROLLS.below(LAST);
      await markRolledUp(mark);
      const { entries, calls } = await stats.count({
        ...{ from, to, source, bucketSeconds: 10, callSpans: [], bucketSpans: [] },
      });
      const counted = ROWS.filter(({ at, seq }) => at >= from && at < to && (source === 'rows' || seq > mark));
      const buckets = new Map<number, number>();
      for (const { at } of counted) {
        const start = at - (at % 10_000);
        buckets.set(start, (buckets.get(start) ?? 0) + 1);
      }
      const told = new Map<number, number>();
      for (const { at, entries: more } of entries) told.set(at, (told.get(at) ?? 0) + more);
      expect([...told].sort()).toEqual([...buckets].sort());
      const ends = counted.filter(({ outcome, kind }) => outcome !== null || kind === 'notification');
      expect(calls.flatMap(({ counts }) => counts).reduce((sum, count) => sum + count, 0)).toBe(ends.length);
      const inTime = ROWS.filter(({ at }) => at >= from && at < to).length;
      expect(await stats.messagesBetween(from, to)).toBeGreaterThanOrEqual(inTime);
    }
  });

  async function markRolledUp(seq: number): Promise<void> {
    const sql = `INSERT INTO log_rollup_mark (log, seq) VALUES ('mcp', ${seq}) ON CONFLICT (log) DO UPDATE SET seq = excluded.seq`;
    const target = logTargetOf(db);
    if (target.type === 'postgres') {
      await db.dataSource.query(sql);
      return;
    }
    const file = new BetterSqlite3(target.file);
    file.exec(sql);
    file.close();
  }
});

describeOn('sqlite', 'a question to the chunks', () => {
  it('is never answered by sorting messages, so that a page ends when it is full', async () => {
    for (let n = 0; n < 100; n++) {
      const { sql, values } = await repository.statement(randomFilter());
      const plan = await reader.query({ sql: `EXPLAIN QUERY PLAN ${sql}`, values });
      expect(plan.map(({ detail }) => detail).join('; ')).not.toMatch(/TEMP B-TREE|USING INDEX ix_mcp_chunk.*c /);
    }
  });
});
