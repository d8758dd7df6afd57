import { SCHEMA } from '../../src/app.schema';
import { createDataSource, type Schema } from '../../src/database/data-source';
import { migrate } from '../../src/database/migration-runner';
import { createMigratedDatabase, type MigratedDatabase } from '../support/migrated-database';

const NAME = 'LetToolsFollowTheSettings';
const index = SCHEMA.migrations.findIndex((migration) => migration.name.startsWith(NAME));
/** The tables as they were before. */
const BEFORE: Schema = { entities: [], migrations: SCHEMA.migrations.slice(0, index) };
const AFTER: Schema = { entities: [], migrations: SCHEMA.migrations.slice(0, index + 1) };

const SECRET = 'sealed-value';

function insertTool(db: MigratedDatabase['dataSource'], id: string, retries: number | null, timeout: number | null) {
  return db.query(
    `INSERT INTO tools (id, name, description, tags, transport, command, args, env, headers, enabled, auto_start,
       restart_policy, max_retries, timeout_ms, record_payloads, sharing, desired, version, created_at, updated_at)
     VALUES ('${id}', '${id}', '', '[]', 'stdio', 'node', '[]', '{"KEY":"${SECRET}"}', '{}', true, false,
       'always', ${retries}, ${timeout}, true, 'auto', 'running', 5, 1, 2)`,
  );
}

describe('the migration that lets tools follow the settings', () => {
  it('keeps every tool and its numbers, takes none for a copied one, and leads back', async () => {
    const db = await createMigratedDatabase(BEFORE);
    await insertTool(db.dataSource, 'copied', 3, 30_000);
    await insertTool(db.dataSource, 'own', 7, 1_234);
    const dataSource = await createDataSource(db.target, AFTER).initialize();
    await migrate(dataSource, db.target);
    await insertTool(dataSource, 'follower', null, null);
    const rows = () => dataSource.query('SELECT id, max_retries, timeout_ms, env, version FROM tools ORDER BY id');
    const row = (id: string, max_retries: number | null, timeout_ms: number | null) => {
      return { id, max_retries, timeout_ms, env: `{"KEY":"${SECRET}"}`, version: 5 };
    };
    expect(await rows()).toEqual([row('copied', 3, 30_000), row('follower', null, null), row('own', 7, 1_234)]);
    await expect(insertTool(dataSource, 'own', 1, 1)).rejects.toThrow();

    await dataSource.undoLastMigration();
    expect(await rows()).toEqual([row('copied', 3, 30_000), row('follower', 3, 30_000), row('own', 7, 1_234)]);
    await expect(insertTool(dataSource, 'another', null, null)).rejects.toThrow();
    await dataSource.destroy();
    await db.drop();
  });
});
