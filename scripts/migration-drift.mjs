/**
 * Proves on an empty SQLite and on an empty PostgreSQL that the migrations and the entities say the same:
 *
 *   run -> generate --check finds nothing to add -> revert, one by one, down to an empty schema -> run again
 *
 * and the same for the log file that SQLite has beside its database.
 *
 * It drives the npm scripts that people use, by DATABASE_URL. `node scripts/migration-drift.mjs [sqlite] [postgres]`
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);
const folder = mkdtempSync(join(tmpdir(), 'mcps-drift-'));

/** The bookkeeping of TypeORM itself, which outlives the last revert. */
const BOOKKEEPING = ['migrations', 'typeorm_metadata'];

const checks = {
  async sqlite() {
    const url = `sqlite:///${join(folder, 'mcps.db')}`;
    await checkDrift('SQLite', url, () => tablesOfFile(join(folder, 'mcps.db')));
    await checkDrift(
      'SQLite logs',
      url,
      () => tablesOfFile(join(folder, 'mcps-logs.db')),
      'migration:logs',
      'migrations/logs',
    );
  },

  async postgres() {
    const server = await startServer();
    try {
      await checkDrift('PostgreSQL', server.url, async () => {
        const { Client } = require('pg');
        const client = new Client({ connectionString: server.url });
        await client.connect();
        const { rows } = await client.query(`SELECT tablename FROM pg_tables WHERE schemaname = 'public'`);
        await client.end();
        return rows.map((row) => row.tablename);
      });
    } finally {
      await server.stop();
    }
  },
};

function tablesOfFile(path) {
  const Database = require('better-sqlite3');
  const database = new Database(path, { readonly: true });
  const rows = database.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table'`).all();
  database.close();
  return rows.map((row) => row.name).filter((name) => !name.startsWith('sqlite_'));
}

async function startServer() {
  // The harness is TypeScript; ts-node is here for the TypeORM commands anyway.
  require('ts-node').register({ transpileOnly: true, cwd: root });
  return await require('../test/support/postgres-server.ts').startPostgresServer();
}

async function checkDrift(name, url, listTables, scripts = 'migration', migrations = 'migrations') {
  const npm = (action, ...args) => runScript(url, `${scripts}:${action}`, args);
  npm('run');
  npm('generate', '--check', `${migrations}/Drift`);
  // Each call reverts one; every file is one migration, and one call more would only say that nothing is left.
  const count = readdirSync(join(root, migrations)).filter((file) => /^\d+.*\.ts$/.test(file)).length;
  if (count === 0) throw new Error(`There are no migrations in ${migrations}/`);
  for (let reverted = 0; reverted < count; reverted += 1) npm('revert');
  const left = (await listTables()).filter((table) => !BOOKKEEPING.includes(table));
  if (left.length > 0) throw new Error(`${name}: the reverted migrations leave tables behind: ${left.join(', ')}`);
  npm('run');
  console.log(`${name}: ${count} migrations run, agree with the entities, revert to nothing and run again`);
}

function runScript(url, script, args) {
  const { status, stdout, stderr } = spawnSync('npm', ['run', '--silent', script, '--', ...args], {
    cwd: root,
    encoding: 'utf8',
    timeout: 180_000,
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, DATABASE_URL: url, DATA_DIR: join(folder, 'data'), LOG_DIR: join(folder, 'logs') },
  });
  if (status === 0) return;
  const output = `${stdout}${stderr}`.trim().split('\n').slice(-60).join('\n');
  throw new Error(`npm run ${script} ${args.join(' ')} failed on ${url}:\n${output}`);
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !Object.hasOwn(checks, name));
if (unknown.length > 0) {
  console.error(`Unknown: ${unknown.join(', ')}. Usage: node scripts/migration-drift.mjs [sqlite] [postgres]`);
  process.exitCode = 2;
} else {
  try {
    for (const name of wanted.length > 0 ? wanted : Object.keys(checks)) await checks[name]();
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
rmSync(folder, { recursive: true, force: true });
