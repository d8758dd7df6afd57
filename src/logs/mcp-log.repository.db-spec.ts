import { openLogStore } from '../../test/support/log-stores';
import { createMigratedDatabase, type MigratedDatabase, readerOf } from '../../test/support/migrated-database';
import { newId } from '../common/ids';
import type { Reader } from '../database/reader';
import type { McpLogRow } from './mcp-log.entity';
import type { McpLogFilter } from './message-statements';
import { McpLogRepository } from './mcp-log.repository';

const aRow = (seq: number, given: Partial<McpLogRow> = {}): McpLogRow => ({
  seq,
  id: newId(),
  at: seq * 1_000,
  toolId: 't-1',
  toolName: 'weather',
  sessionId: 's-1',
  client: 'inspector',
  direction: 'to-server',
  kind: 'request',
  method: 'tools/call',
  target: 'forecast',
  rpcId: String(seq),
  outcome: null,
  durationMs: null,
  sizeBytes: 10,
  truncated: false,
  payload: null,
  ...given,
});

const BIG = 2 ** 45;

const ROWS = [
  aRow(1, { kind: 'notification', method: 'notifications/progress', payload: '{"done":"50%"}' }),
  aRow(2, { toolId: 't-2', toolName: 'files', target: 'file:///a', payload: '{"done":"500"}' }),
  aRow(3, { direction: 'from-server', kind: 'response', durationMs: 250.5, outcome: 'ok', payload: '{"my_file":1}' }),
  aRow(4, {
    direction: 'from-server',
    kind: 'error',
    durationMs: 99.999,
    sessionId: 's-2',
    payload: '{"myXfile":"!"}',
  }),
  aRow(5, { sessionId: null, method: 'ping', target: null, payload: '{"Text":"GRÜSSE, 世界 🌍"}', truncated: true }),
  aRow(6, { at: BIG, sizeBytes: BIG }),
];

describe('the log of MCP messages', () => {
  let db: MigratedDatabase;
  let reader: Reader;
  let repository: McpLogRepository;
  let store: ReturnType<typeof openLogStore>;

  const list = async (filter: Partial<McpLogFilter>): Promise<number[]> =>
    (await repository.list({ order: 'asc', limit: 100, ...filter })).map(({ seq }) => seq);

  beforeAll(async () => {
    db = await createMigratedDatabase();
    reader = readerOf(db);
    repository = new McpLogRepository(reader);
    store = openLogStore(db);
    await store.insertMcp(ROWS);
  });

  afterAll(async () => {
    await store.close();
    await reader.close();
    await db.drop();
  });

  it.each<[string, Partial<McpLogFilter>, number[]]>([
    ['everything', {}, [1, 2, 3, 4, 5, 6]],
    ['from a time on, that time included', { from: 4_000 }, [4, 5, 6]],
    ['up to a time, that time excluded', { to: 3_000 }, [1, 2]],
    ['a tool by id', { toolId: 't-2' }, [2]],
    ['a tool by name', { toolName: 'files' }, [2]],
    ['a session', { sessionId: 's-2' }, [4]],
    ['a direction', { direction: 'from-server' }, [3, 4]],
    ['a kind', { kind: 'notification' }, [1]],
    ['a method', { method: 'ping' }, [5]],
    ['a target', { target: 'file:///a' }, [2]],
    ['what took at least so long', { minDurationMs: 100 }, [3]],
    ['what took exactly so long', { minDurationMs: 250.5 }, [3]],
    ['several at once', { direction: 'from-server', sessionId: 's-1', from: 2_000 }, [3]],
    ['a text, case ignored', { search: 'TEXT' }, [5]],
    ['a text with % as it is', { search: '50%' }, [1]],
    ['a text with _ as it is', { search: 'My_File' }, [3]],
    ['a text with ! as it is', { search: '"!"' }, [4]],
    ['letters beyond ASCII as they were written', { search: 'GRÜSSE, 世界 🌍' }, [5]],
    ['no message whose payload was not recorded', { search: 'forecast' }, []],
  ])('finds %s', async (_, filter, expected) => {
    expect(await list(filter)).toEqual(expected);
  });

  it('goes on behind a sequence number in either order, with one row more than asked for', async () => {
    expect(await list({ order: 'asc', limit: 2 })).toEqual([1, 2, 3]);
    expect(await list({ order: 'asc', limit: 2, after: 2 })).toEqual([3, 4, 5]);
    expect(await list({ order: 'desc', limit: 2 })).toEqual([6, 5, 4]);
    expect(await list({ order: 'desc', limit: 2, after: 3 })).toEqual([2, 1]);
    expect(await list({ order: 'asc', limit: 2, after: 6 })).toEqual([]);
  });

  it('gives rows back as they were stored, large numbers and fractions too', async () => {
    expect(await repository.list({ order: 'asc', limit: 100 })).toEqual(ROWS);
  });

  it('finds a row by its id, and none that is not there', async () => {
    expect(await repository.findById(ROWS[2]?.id ?? '')).toEqual(ROWS[2]);
    expect(await repository.findById(newId())).toBeNull();
  });

  it('walks the whole log in chunks, in either order', async () => {
    for (const order of ['asc', 'desc'] as const) {
      const seen: number[] = [];
      for await (const rows of repository.iterate({ order, direction: 'to-server' }))
        seen.push(...rows.map(({ seq }) => seq));
      expect(seen).toEqual(order === 'asc' ? [1, 2, 5, 6] : [6, 5, 2, 1]);
    }
  });

  it('knows under which ids a name was recorded', async () => {
    expect(await repository.toolIdsNamed('files')).toEqual(['t-2']);
    expect(await repository.toolIdsNamed('nobody')).toEqual([]);
  });
});

describe('the other half of an exchange and what passed around it', () => {
  let db: MigratedDatabase;
  let reader: Reader;
  let repository: McpLogRepository;

  const answer = { direction: 'from-server', kind: 'response' };
  const EXCHANGES = [
    aRow(1, { rpcId: '1' }),
    aRow(2, { rpcId: '2', sessionId: 's-2' }),
    aRow(3, { rpcId: '1', toolId: 't-2', ...answer }),
    aRow(4, { rpcId: '2', sessionId: 's-2', ...answer }),
    aRow(5, { rpcId: '1', ...answer, kind: 'error' }),
    // After a restart of the tool its ids begin anew.
    aRow(6, { rpcId: '1' }),
    aRow(7, { rpcId: '1', ...answer }),
    // The server asks us.
    aRow(8, { rpcId: '1', direction: 'from-server', method: 'roots/list', sessionId: null }),
    aRow(9, { rpcId: '1', direction: 'to-server', kind: 'response', method: 'roots/list', sessionId: null }),
    aRow(10, { rpcId: null, kind: 'notification', sessionId: null }),
    aRow(11, { rpcId: '3', sessionId: null }),
  ];

  beforeAll(async () => {
    db = await createMigratedDatabase();
    reader = readerOf(db);
    repository = new McpLogRepository(reader);
    const store = openLogStore(db);
    await store.insertMcp(EXCHANGES);
    await store.close();
  });

  afterAll(async () => {
    await reader.close();
    await db.drop();
  });

  it.each([
    [1, 5],
    [5, 1],
    [2, 4],
    [4, 2],
    [6, 7],
    [7, 6],
    [8, 9],
    [9, 8],
    [3, null],
    [10, null],
    [11, null],
  ])('belongs to message %d: %p', async (seq, expected) => {
    const row = EXCHANGES.find((each) => each.seq === seq) ?? aRow(0);
    expect((await repository.findPair(row))?.seq ?? null).toBe(expected);
  });

  it('shows the neighbours of the session, or of the tool where there is none, in order', async () => {
    const around = async (seq: number, count: number) => {
      const { before, after } = await repository.neighbours(EXCHANGES[seq - 1] ?? aRow(0), count);
      return [before.map((row) => row.seq), after.map((row) => row.seq)];
    };
    expect(await around(5, 2)).toEqual([
      [1, 3],
      [6, 7],
    ]);
    expect(await around(2, 5)).toEqual([[], [4]]);
    expect(await around(9, 5)).toEqual([[8], [10, 11]]);
  });
});

describe('a time range of the log', () => {
  it('is exact although the clock went back while it was written', async () => {
    const db = await createMigratedDatabase();
    const reader = readerOf(db);
    const repository = new McpLogRepository(reader);
    const store = openLogStore(db);
    // Hours forward and back again, in the order of commits.
    const times = [1_000, 2_000, 9_000_000, 9_001_000, 3_000, 4_000, 5_000, 4_500, 6_000, 9_002_000];
    await store.insertMcp(times.slice(0, 5).map((at, index) => aRow(index + 1, { at })));
    await store.insertMcp(times.slice(5).map((at, index) => aRow(index + 6, { at })));
    for (const from of [0, 1_000, 2_500, 4_500, 5_000, 9_000_500, 9_002_001]) {
      for (const to of [0, 1_001, 3_500, 5_000, 6_001, 9_000_000, 9_002_001]) {
        const rows = await repository.list({ order: 'asc', limit: 100, from, to });
        expect(rows.map(({ at }) => at)).toEqual(times.filter((at) => at >= from && at < to));
      }
    }
    await store.close();
    await reader.close();
    await db.drop();
  });
});
