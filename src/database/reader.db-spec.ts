import { describeOn } from '../../test/support/describe-on';
import {
  createMigratedDatabase,
  logTargetOf,
  type MigratedDatabase,
  readerOf,
} from '../../test/support/migrated-database';
import { logStoreOf, toEntry } from '../../test/support/log-stores';
import { waitUntil } from '../../test/support/process-tree';
import { storeMessages } from '../../test/support/packed-messages';
import { Dice, randomMessages } from '../../test/support/random-messages';
import { newId } from '../common/ids';
import { QueryTooSlowError, type Reader, TooManyQueriesError } from './reader';
import { SqliteReader } from './sqlite-reader';

let db: MigratedDatabase;
let reader: Reader;

const FOREVER = {
  sqlite: `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n WHERE within_limit()`,
  postgres: 'SELECT pg_sleep(60)',
};

beforeAll(async () => {
  db = await createMigratedDatabase();
  reader = readerOf(db);
});

afterAll(async () => {
  await reader.close();
  await db.drop();
});

describe('the reader of heavy queries', () => {
  it('reads all databases of the installation, values given in order', async () => {
    expect(await reader.query({ sql: 'SELECT count(*) AS n FROM operation_log', values: [] })).toHaveLength(1);
    const sql = 'SELECT message FROM system_log WHERE message = ? OR message = ?';
    expect(await reader.query({ sql, values: ['a', 'b'] })).toEqual([]);
  });

  it('ends a query at its limit with a sentence that says how to narrow it, and goes on', async () => {
    const query = reader.query({ sql: FOREVER[reader.dialect], values: [] }, { limitMs: 300 });
    await expect(query).rejects.toThrow(QueryTooSlowError);
    await expect(query).rejects.toThrow(/ended after 0.3 s: narrow it, best by `from` and `to`/);
    expect(await reader.query({ sql: 'SELECT 1 AS one', values: [] })).toEqual([{ one: 1 }]);
  });

  it('keeps short queries going beside a long one', async () => {
    const ended: string[] = [];
    const long = reader
      .query({ sql: FOREVER[reader.dialect], values: [] }, { limitMs: 3_000 })
      .catch(() => ended.push('long'));
    await reader.query({ sql: 'SELECT 1 AS one', values: [] });
    ended.push('short');
    await long;
    expect(ended).toEqual(['short', 'long']);
  });

  it('refuses what would wait for too long instead of queueing it for ever', async () => {
    const slow = Array.from({ length: 140 }, () =>
      reader.query({ sql: FOREVER[reader.dialect], values: [] }, { limitMs: 20 }).catch((error: unknown) => error),
    );
    const ends = await Promise.all(slow);
    expect(ends.filter((end) => end instanceof TooManyQueriesError).length).toBeGreaterThan(0);
    expect(ends.every((end) => end instanceof TooManyQueriesError || end instanceof QueryTooSlowError)).toBe(true);
  });

  it('says what is wrong with a query that fails', async () => {
    await expect(reader.query({ sql: 'SELECT seq FROM nowhere', values: [] })).rejects.toThrow(/nowhere/);
  });
});

describeOn('sqlite', 'the threads of the reader', () => {
  const dataOf = () => {
    const target = logTargetOf(db);
    if (target.type !== 'sqlite') throw new Error('SQLite alone');
    return { mainFile: target.mainFile, logFile: target.file };
  };

  it('are started when they are needed, and end when nothing is to be done', async () => {
    const own = new SqliteReader(dataOf(), 50);
    expect(own.threadCount).toBe(0);
    await own.query({ sql: 'SELECT 1', values: [] });
    expect(own.threadCount).toBe(1);
    await waitUntil(() => own.threadCount === 0, { what: 'the thread has ended' });
    expect(await own.query({ sql: 'SELECT 1 AS one', values: [] })).toEqual([{ one: 1 }]);
    await own.close();
  });

  it('are given up where a query can not be ended by itself', async () => {
    const own = new SqliteReader(dataOf());
    const sql =
      'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000000) SELECT count(*) FROM n';
    await expect(own.query({ sql, values: [] }, { limitMs: 50 })).rejects.toThrow(QueryTooSlowError);
    expect(await own.query({ sql: 'SELECT 1 AS one', values: [] })).toEqual([{ one: 1 }]);
    await own.close();
  });

  it('look at the clock for each chunk of messages, also where none of them is wanted', async () => {
    // A thread that did not look would be waited for until the test is over.
    const own = new SqliteReader(dataOf(), undefined, 120_000);
    await storeMessages(db, randomMessages(300, new Dice(1)), [300]);
    for (const query of ['{}', '{"toolId":"none"}', '{"search":"nowhere to be found"}']) {
      // The same chunk again and again.
      const sql = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
        SELECT count(*) FROM n CROSS JOIN mcp_chunk AS c
        CROSS JOIN mcp_rows(c.first, c.head, c.cells, c.payloads, ?) AS m`;
      await expect(own.query({ sql, values: [query] }, { limitMs: 100 })).rejects.toThrow(QueryTooSlowError);
      // It was not given up: it has ended by itself.
      expect(own.threadCount).toBe(1);
    }
    await own.close();
  });

  it('can not write', async () => {
    await expect(reader.query({ sql: `DELETE FROM system_log RETURNING seq`, values: [] })).rejects.toThrow(/readonly/);
  });

  it('find text whatever the case of its letters, beyond ASCII too', async () => {
    const store = logStoreOf(db);
    const line = (message: string) => toEntry('system', { id: newId(), at: 1, severity: 1, message });
    await store.write([line('GRÖSSE ΑΒΓ Ж'), line('nothing')]);
    for (const text of ['größe'.replace('ß', 'ss'), 'αβγ', 'ж']) {
      const sql = 'SELECT message FROM system_log WHERE contains_text(message, ?)';
      expect(await reader.query({ sql, values: [text] })).toHaveLength(1);
    }
    await store.close();
  });
});
