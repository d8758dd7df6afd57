import { describeOn } from '../../test/support/describe-on';
import { createTestDatabase, type TestDatabase } from '../../test/support/test-database';
import { DataLockedError } from './instance-lock';
import { PostgresLock } from './postgres-lock';
import { Client } from 'pg';

async function execute(url: string, ...statements: string[]): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  for (const statement of statements) await client.query(statement);
  await client.end();
}

const listener = (onLost: (reason: string) => void = () => undefined) => ({
  onLost,
  onTaken: () => undefined,
  onRegained: () => undefined,
});

describeOn('postgres', 'the lock on PostgreSQL while a restore swaps databases (F53)', () => {
  let database: TestDatabase;
  let neighbour: string;
  let name: string;

  beforeEach(async () => {
    database = await createTestDatabase();
    name = new URL(database.url).pathname.slice(1);
    const url = new URL(database.url);
    url.pathname = '/postgres';
    neighbour = url.href;
  });

  afterEach(async () => {
    await execute(
      neighbour,
      `DROP DATABASE IF EXISTS ${name}_new WITH (FORCE)`,
      `DROP DATABASE IF EXISTS ${name}_old WITH (FORCE)`,
    );
    await database.drop();
  });

  it('moves to the new database, and keeps others off at every moment', async () => {
    const lost: string[] = [];
    const lock = await PostgresLock.take(
      database.url,
      listener((reason) => lost.push(reason)),
    );
    const tries: unknown[] = [];
    const another = async () => {
      tries.push(
        await PostgresLock.take(database.url, listener()).then(
          () => 'taken',
          (error: unknown) => error,
        ),
      );
    };
    await another();
    await lock.moveWith('the token of this restore', async () => {
      await execute(
        neighbour,
        `CREATE DATABASE ${name}_new`,
        `ALTER DATABASE ${name}_new SET mcps.restoring = 'the token of this restore'`,
        `ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS false`,
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`,
      );
      await another();
      await execute(
        neighbour,
        `ALTER DATABASE ${name} RENAME TO ${name}_old`,
        `ALTER DATABASE ${name}_new RENAME TO ${name}`,
      );
      await another();
    });
    await another();
    await execute(neighbour, `ALTER DATABASE ${name} RESET mcps.restoring`);
    await another();
    expect(
      tries.map((error) => error instanceof DataLockedError || /not currently accepting/.test(String(error))),
    ).toEqual(Array(5).fill(true));
    expect(lost).toEqual([]);
    await lock.release();
    await another();
    expect(tries.at(-1)).toBe('taken');
  });

  it('is refused on a database that a restore of somebody else has not finished with', async () => {
    await execute(neighbour, `ALTER DATABASE ${name} SET mcps.restoring = 'another'`);
    await expect(PostgresLock.take(database.url, listener())).rejects.toThrow(/a restore has not finished with/);
  });
});
