import { createMigratedDatabase, type MigratedDatabase, readerOf } from '../../test/support/migrated-database';
import { logStoreOf, toEntry } from '../../test/support/log-stores';
import { waitUntil } from '../../test/support/process-tree';
import { newId } from '../common/ids';
import type { Reader } from '../database/reader';
import type { LogEntryRow } from './log-batch';
import type { LogStore } from './log-store';

const aMessage = (given: Record<string, unknown> = {}): LogEntryRow =>
  toEntry('mcp', {
    id: newId(),
    at: 1_000,
    toolId: 't-1',
    toolName: 'weather',
    direction: 'to-server',
    kind: 'request',
    sizeBytes: 1,
    truncated: false,
    payload: '{"text":"Grüße, \\u0000 🌍"}',
    ...given,
  });

const aLine = (message: string) => toEntry('system', { id: newId(), at: 1_000, severity: 1, message });

describe('the store of the log writer', () => {
  let db: MigratedDatabase;
  let reader: Reader;
  let store: LogStore;

  const select = (sql: string) => reader.query({ sql, values: [] });
  const count = async (table: string) => Number((await select(`SELECT count(*) AS n FROM ${table}`))[0]?.['n']);

  beforeEach(async () => {
    db = await createMigratedDatabase();
    reader = readerOf(db);
    store = logStoreOf(db);
    await waitUntil(() => store.write([]).then(() => true), { what: 'the file is free' });
  });

  afterEach(async () => {
    await store.close();
    await reader.close();
    await db.drop();
  });

  it('numbers the rows of each log in the order given, and goes on behind what is there', async () => {
    expect(await store.write([aMessage(), aLine('a'), aMessage(), aLine('b')])).toEqual([1, 1, 2, 2]);
    await store.close();
    expect(await store.write([aMessage(), aLine('c')])).toEqual([3, 3]);
  });

  it('stores a batch that is written twice once: the answer to a commit may get lost', async () => {
    const batch = [aMessage(), aLine('a'), aMessage()];
    await store.write(batch);
    const [, , , fresh] = await store.write([...batch, aMessage()]);
    expect(fresh).toBeGreaterThan(2);
    expect([await count('mcp_log'), await count('system_log')]).toEqual([3, 1]);
  });

  it('stores all of a batch or nothing, and tells a row that it will never take from a database that is away', async () => {
    const bad = aMessage({ direction: null });
    const error: unknown = await store.write([aMessage(), aLine('a'), bad]).catch((reason: unknown) => reason);
    // Not by its class: the driver is loaded once a process and makes its errors in the realm of the first test file.
    expect({ said: String(error), isRefusal: store.isRefusal(error) }).toMatchObject({ isRefusal: true });
    expect(store.isRefusal(Object.assign(new Error('gone'), { code: 'ECONNRESET' }))).toBe(false);
    expect(store.isRefusal(Object.assign(new Error('full'), { code: 'SQLITE_FULL' }))).toBe(false);
    expect([await count('mcp_log'), await count('system_log')]).toEqual([0, 0]);
    expect(await store.write([aMessage(), aLine('a')])).toEqual([1, 1]);
  });

  it('remembers the names of tools, and how far the clock ever went back', async () => {
    await store.write([aMessage({ at: 5_000 }), aMessage({ at: 4_000 })]);
    await store.write([aMessage({ at: 6_000, toolName: 'climate' }), aMessage({ at: 3_500 }), aLine('a')]);
    await store.close();
    await store.write([aMessage({ at: 5_900 })]);
    const clock = (await select('SELECT log, back_ms FROM log_clock WHERE back_ms > 0')).map((row) => [
      row['log'],
      Number(row['back_ms']),
    ]);
    expect(clock).toEqual([['mcp_log', 2_500]]);
    expect(await select('SELECT tool_name FROM mcp_log_name ORDER BY tool_name')).toEqual([
      { tool_name: 'climate' },
      { tool_name: 'weather' },
    ]);
  });

  it('stores as many rows at once as are ever written', async () => {
    await store.write(Array.from({ length: 1_000 }, () => aMessage()));
    expect(await count('mcp_log')).toBe(1_000);
  });
});
