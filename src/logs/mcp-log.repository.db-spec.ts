import { createMigratedDatabase, type MigratedDatabase } from '../../test/support/migrated-database';
import { newId } from '../common/ids';
import { McpLogRow } from './mcp-log.entity';
import { type McpLogFilter, McpLogRepository } from './mcp-log.repository';

const aRow = (seq: number, given: Partial<McpLogRow> = {}): McpLogRow =>
  Object.assign(new McpLogRow(), {
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
  let repository: McpLogRepository;

  const list = async (filter: Partial<McpLogFilter>): Promise<number[]> =>
    (await repository.list({ order: 'asc', limit: 100, ...filter })).map(({ seq }) => seq);

  beforeAll(async () => {
    db = await createMigratedDatabase();
    repository = new McpLogRepository(db.dataSource.getRepository(McpLogRow));
    expect(await repository.lastSeq()).toBe(0);
    await repository.insert(ROWS);
  });

  afterAll(() => db.drop());

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

  it('knows its last number', async () => {
    expect(await repository.lastSeq()).toBe(6);
  });

  it('stores a batch that is written twice once: the answer to a commit may get lost', async () => {
    await repository.insert([aRow(7), aRow(8)]);
    await repository.insert([aRow(7), aRow(8)]);
    expect(await repository.lastSeq()).toBe(8);
    expect((await repository.list({ order: 'desc', limit: 2 })).map(({ seq }) => seq)).toEqual([8, 7, 6]);
  });

  it('stores a batch as large as the recorder writes', async () => {
    await repository.insert(Array.from({ length: 200 }, (_, index) => aRow(100 + index, { at: 1 })));
    expect(await repository.lastSeq()).toBe(299);
    await db.dataSource.getRepository(McpLogRow).delete({ at: 1 });
  });
});
