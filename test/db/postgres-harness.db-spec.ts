import Database from 'better-sqlite3';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { Client } from 'pg';
import { createTestDatabase, TestDatabase } from '../support/test-database';

/** The smallest thing both drivers can do: run statements, read rows. */
interface Session {
  run(statement: string): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

async function openSession(database: TestDatabase): Promise<Session> {
  if (database.type === 'sqlite') {
    const sqlite = new Database(database.url.slice('sqlite:///'.length));
    return {
      run: async (statement) => {
        const prepared = sqlite.prepare(statement);
        if (prepared.reader) return prepared.all() as Record<string, unknown>[];
        prepared.run();
        return [];
      },
      close: async () => void sqlite.close(),
    };
  }
  const client = new Client({ connectionString: database.url });
  client.on('error', () => undefined);
  await client.connect();
  return { run: async (statement) => (await client.query(statement)).rows, close: () => client.end() };
}

describe('the database of a test', () => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await createTestDatabase();
  });

  afterEach(() => database.drop());

  it('is of the kind that the jest project asks for', () => {
    expect(database.type).toBe(globalThis.TEST_DATABASE);
    expect(database.url).toMatch(database.type === 'sqlite' ? /^sqlite:\/{4}\w/ : /^postgres:\/\/.*@127\.0\.0\.1:/);
  });

  it('gives back what was written, in UTF-8', async () => {
    const session = await openSession(database);
    await session.run('CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT NOT NULL)');
    await session.run(`INSERT INTO note (id, body) VALUES (1, 'Grüße, 世界 🌍')`);
    expect(await session.run('SELECT id, body FROM note')).toEqual([{ id: 1, body: 'Grüße, 世界 🌍' }]);
    await session.close();
  });

  it('is not shared with another test', async () => {
    const other = await createTestDatabase();
    try {
      const [mine, theirs] = [await openSession(database), await openSession(other)];
      await mine.run('CREATE TABLE note (id INTEGER PRIMARY KEY)');
      // Compared by message: the native driver throws errors of the first test file's realm, which are no Error here.
      await expect(theirs.run('SELECT id FROM note')).rejects.toMatchObject({ message: expect.stringMatching(/note/) });
      await Promise.all([mine.close(), theirs.close()]);
    } finally {
      await other.drop();
    }
  });

  it('is removed under an open connection, and removing it again does no harm', async () => {
    const session = await openSession(database);
    await session.run('CREATE TABLE note (id INTEGER PRIMARY KEY)');
    await database.drop();
    await database.drop();
    if (database.type === 'sqlite') {
      expect(existsSync(dirname(database.url.slice('sqlite:///'.length)))).toBe(false);
      await session.close();
    } else {
      await expect(session.run('SELECT id FROM note')).rejects.toThrow();
      await expect(openSession(database)).rejects.toThrow(/does not exist/);
    }
  });
});
