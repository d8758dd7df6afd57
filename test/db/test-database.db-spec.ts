import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { describeOn } from '../support/describe-on';
import { postgresTemplate } from '../support/postgres-template';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

describe('the database of a test', () => {
  const databases: TestDatabase[] = [];
  afterAll(() => Promise.all(databases.map((database) => database.drop())));

  it('is one of its own, also if several ask at the same moment', async () => {
    databases.push(...(await Promise.all(Array.from({ length: 4 }, () => createTestDatabase('migrated')))));
    expect(new Set(databases.map(({ url }) => url)).size).toBe(4);
  });
});

describeOn('postgres', 'the template of the databases of tests', () => {
  const name = `template_${randomBytes(8).toString('hex')}`;
  const server = String(process.env['TEST_POSTGRES_URL']);
  let client: Client;
  beforeAll(async () => {
    client = new Client({ connectionString: server });
    await client.connect();
  });
  afterAll(async () => {
    await client.query(`DROP DATABASE IF EXISTS ${name}`);
    await client.end();
  });

  it('is made once if several workers need it at the same moment', async () => {
    const asked = await Promise.all(Array.from({ length: 4 }, () => postgresTemplate(server, name)));
    expect(asked).toEqual([name, name, name, name]);
    const { rows } = await client.query<{ datname: string }>('SELECT datname FROM pg_database WHERE datname LIKE $1', [
      `${name}%`,
    ]);
    expect(rows).toEqual([{ datname: name }]);
  });
});
