import { logDatabaseFile } from '../database/log-database';
import BetterSqlite3 from 'better-sqlite3';
import { existsSync, statSync } from 'node:fs';
import { noise } from '../../test/support/noise';
import { createMigratedDatabase, type MigratedDatabase, readerOf } from '../../test/support/migrated-database';
import { logStoreOf, toEntry } from '../../test/support/log-stores';
import { newId } from '../common/ids';
import type { Reader } from '../database/reader';
import { LogAgesRepository } from './log-ages.repository';
import type { LogEntryRow } from './log-batch';
import type { LogStore } from './log-store';

const aMessage = (at: number, tool = 't-1'): LogEntryRow =>
  toEntry('mcp', {
    ...{ id: newId(), at, toolId: tool, toolName: tool, direction: 'to-server', kind: 'request' },
    ...{ sizeBytes: 1, truncated: false, payload: noise(2_000) },
  });
const aLine = (at: number) => toEntry('system', { id: newId(), at, severity: 1, message: 'text' });
const range = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

describe('the upkeep of the logs', () => {
  let db: MigratedDatabase;
  let reader: Reader;
  let store: LogStore;

  const column = async (sql: string) =>
    (await reader.query({ sql, values: [] })).map((row) => Object.values(row)[0]).map(Number);
  const remove = (log: 'mcp' | 'system', before: number | null, limit: number) =>
    store.upkeep({ task: 'delete', log, before, limit });

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

  it('deletes the oldest rows of one log, of before a time, and says what is left', async () => {
    await store.write([3_000, 1_000, 2_000, 4_000].map((at) => aMessage(at)));
    await store.write([aLine(500)]);
    const first = await remove('mcp', 3_000, 1);
    expect(first).toMatchObject({ deleted: 1, oldest: { mcp: 2_000, system: 500 } });
    expect(first.storedBytes).toBeGreaterThan(0);
    expect(await remove('mcp', 3_000, 100)).toMatchObject({ deleted: 1, oldest: { mcp: 3_000, system: 500 } });
    expect(await remove('mcp', 3_000, 100)).toMatchObject({ deleted: 0 });
    expect(await column('SELECT at FROM mcp_log ORDER BY at')).toEqual([3_000, 4_000]);
    expect(await remove('system', null, 100)).toMatchObject({ deleted: 1, oldest: { system: null } });
  });

  it('never gives a number twice, also when all rows were deleted and the program was started anew', async () => {
    expect(await store.write([aMessage(1), aMessage(2), aLine(1)])).toEqual([1, 2, 1]);
    await remove('mcp', null, 100);
    await remove('system', null, 100);
    await store.close();
    expect(await store.write([aMessage(3), aLine(2)])).toEqual([3, 2]);
  });

  it('forgets the names of tools without rows, and remembers them with their next row', async () => {
    await store.write([aMessage(1, 'gone'), aMessage(2, 'here')]);
    await remove('mcp', 2, 100);
    await store.upkeep({ task: 'finish' });
    const names = async () => (await reader.query({ sql: 'SELECT tool_name FROM mcp_log_name', values: [] })).length;
    expect(await names()).toBe(1);
    await store.write([aMessage(3, 'gone'), aMessage(4, 'here')]);
    expect(await names()).toBe(2);
  });

  it('measures less with each deleted piece', async () => {
    for (const n of range(10)) await store.write(range(200).map((at) => aMessage(n * 1_000 + at)));
    let { storedBytes } = await remove('mcp', null, 0);
    expect(storedBytes).toBeGreaterThan(500_000);
    for (let n = 0; n < 10; n++) {
      const done = await remove('mcp', null, 200);
      expect(done.storedBytes).toBeLessThan(storedBytes);
      ({ storedBytes } = done);
    }
    expect(storedBytes).toBeLessThan(300_000);
  });

  it('gives the space back to the disk on SQLite', async () => {
    if (db.target.type !== 'sqlite') {
      expect(await store.upkeep({ task: 'give-back', pages: 100 })).toMatchObject({ freePages: 0 });
      return;
    }
    const file = logDatabaseFile(db.target.file);
    for (const n of range(10)) await store.write(range(200).map((at) => aMessage(n * 1_000 + at)));
    await store.upkeep({ task: 'finish' });
    const full = statSync(file).size;
    const { freePages } = await remove('mcp', null, 2_000);
    expect(freePages).toBeGreaterThan(500);
    const sliced = await store.upkeep({ task: 'give-back', pages: 100 });
    expect(freePages - sliced.freePages).toBe(100);
    await store.upkeep({ task: 'give-back', pages: 100_000 });
    expect(await store.upkeep({ task: 'finish' })).toMatchObject({ freePages: 0 });
    expect(statSync(file).size).toBeLessThan(full / 5);
    expect(statSync(`${file}-wal`).size).toBe(0);
    expect(existsSync(`${file}.ballast`)).toBe(true);
    const database = new BetterSqlite3(file, { readonly: true });
    expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
    expect(database.pragma('auto_vacuum', { simple: true })).toBe(2);
    database.close();
  });

  it('tells how old the rows are, and counts what is of before a time', async () => {
    const ages = new LogAgesRepository(reader);
    expect(await ages.span('mcp')).toBeNull();
    await store.write([5_000, 1_000, 2_000].map((at) => aMessage(at)));
    expect(await ages.span('mcp')).toEqual({ rows: 3, first: 1, newestAt: 2_000 });
    expect(await ages.countBefore('mcp', 2_000)).toBe(1);
    expect(await ages.operationsBefore(1, 2)).toBe(0);
  });
});
