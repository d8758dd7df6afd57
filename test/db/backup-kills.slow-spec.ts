/** kill -9 in the middle of backups and restores, on SQLite and PostgreSQL: `npm run test:slow`. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { aTool } from '../support/a-tool';
import { type Api, firstLogin, login, scratchFolder, startProgram, stopProgram } from '../support/built-program';
import { waitUntil } from '../support/process-tree';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

const KILLED = join(__dirname, '../support/checkpoint-program.cjs');

const folder = scratchFolder();
const dataDir = join(folder.path, 'data');
let database: TestDatabase;
let env: Record<string, string>;
/** A backup of the data in which there is the tool `old`; live is one with the tool `new`. */
let backupId: string;

const toolsOf = async (api: Api) => (await api('GET', '/tools')).body.items.map(({ name }: any) => name) as string[];

async function completed(api: Api, id: string): Promise<any> {
  return waitUntil(
    async () => {
      const { body } = await api('GET', `/system/backups/${id}`);
      return body.state !== 'running' && body;
    },
    { what: 'the backup to end' },
  );
}

/** One life of the program, undisturbed. */
async function inALife<T>(work: (api: Api) => Promise<T>): Promise<T> {
  const program = startProgram(folder.path, env);
  const result = await work(await login(await program.listening()));
  expect(await stopProgram(program)).toBe(0);
  return result;
}

/** One life that ends at a point of what `begin` begins. */
async function killedAt(point: string, begin: (api: Api) => Promise<unknown>): Promise<void> {
  const program = startProgram(folder.path, { ...env, KILL_AT: point }, [], undefined, KILLED);
  const api = await login(await program.listening());
  await begin(api).catch(() => undefined);
  expect(await program.exited).toBe('SIGKILL');
}

async function expectNothingLeft(): Promise<void> {
  expect(existsSync(join(dataDir, 'restore.json'))).toBe(false);
  expect(readdirSync(join(dataDir, 'backup-work'))).toEqual([]);
  expect(readdirSync(join(dataDir, 'backups')).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  if (database.type === 'sqlite') return;
  const client = new Client({ connectionString: process.env['TEST_POSTGRES_URL'] });
  await client.connect();
  const { rows } = await client.query(
    `SELECT datname FROM pg_database WHERE datname LIKE 'mcps\\_proof%' OR datname LIKE 'mcps\\_staged%' OR datname LIKE 'mcps\\_before%'`,
  );
  await client.end();
  expect(rows).toEqual([]);
}

async function expectWhole(api: Api): Promise<string[]> {
  const tools = await toolsOf(api);
  expect([['old'], ['new']]).toContainEqual(tools);
  expect((await api('GET', '/logs/operations/verify')).body).toMatchObject({ valid: true });
  expect((await api('GET', '/logs/mcp')).status).toBe(200);
  expect((await completed(api, backupId)).state).toBe('completed');
  return tools;
}

beforeAll(async () => {
  database = await createTestDatabase();
  env = { DATABASE_URL: database.url };
  const program = startProgram(folder.path, env);
  const api = await firstLogin(await program.listening(), folder.path);
  await api('POST', '/tools', aTool({ name: 'old' }));
  const { body } = await api('POST', '/system/backups');
  backupId = body.id;
  expect((await completed(api, backupId)).state).toBe('completed');
  await api('DELETE', '/tools/old');
  await api('POST', '/tools', aTool({ name: 'new' }));
  await stopProgram(program);
});

afterAll(async () => {
  await database.drop();
  folder.remove();
});

describe('kill -9 during a backup', () => {
  it.each(['backup.begun', 'backup.copied', 'backup.packed', 'backup.read-back', 'backup.renamed', 'backup.listed'])(
    'F58, B2: at %s leaves no half file, tells of it at the next start, and keeps the backups of before',
    async (point) => {
      let id = '';
      await killedAt(point, async (api) => {
        const { body } = await api('POST', '/system/backups');
        id = body.id;
      });
      await inALife(async (api) => {
        expect(await expectWhole(api)).toEqual(['new']);
        const { body } = await api('GET', '/system/backups');
        const killed = body.items[0];
        if (id !== '') expect(killed.id).toBe(id);
        expect(killed).toMatchObject(
          point === 'backup.listed'
            ? { state: 'completed', error: null }
            : { state: 'failed', error: { code: 'backup_interrupted' }, sizeBytes: null },
        );
        const files = readdirSync(join(dataDir, 'backups')).filter((name) => name.endsWith('.mcpsbak'));
        const usable = body.items
          .filter(({ state }: any) => state === 'completed')
          .map((one: any) => `${one.id}.mcpsbak`);
        expect(files.sort()).toEqual(usable.sort());
      });
      await expectNothingLeft();
    },
  );
});

describe('kill -9 during a restore', () => {
  it.each([
    ['restore.staged', 'new'],
    ['restore.closed', 'new'],
    ['restore.safe', 'new'],
    ['restore.journaled', 'new'],
    ['restore.half-swapped', 'new'],
    ['restore.swapped', 'new'],
    ['restore.done', 'old'],
  ])('F59, B4: at %s leaves the data whole (%s), and the service up at the next start', async (point, expected) => {
    await killedAt(point, (api) => api('POST', `/system/backups/${backupId}/restore`));
    await inALife(async (api) => {
      expect(await expectWhole(api)).toEqual([expected]);
      const { restore } = (await api('GET', `/system/backups/${backupId}`)).body;
      expect(restore).toMatchObject(
        expected === 'old'
          ? { state: 'completed', error: null }
          : { state: 'failed', error: { code: 'restore_interrupted' } },
      );
      const rows = (await api('GET', '/logs/operations?action=backup.restore')).body.items;
      expect(rows.length).toBeGreaterThan(0);
    });
    await expectNothingLeft();
  });

  it('leaves everything so that the next restore works', async () => {
    await inALife(async (api) => {
      if ((await toolsOf(api))[0] === 'old') {
        await api('DELETE', '/tools/old');
        await api('POST', '/tools', aTool({ name: 'new' }));
      }
      await api('POST', `/system/backups/${backupId}/restore`);
      await waitUntil(
        async () => (await api('GET', `/system/backups/${backupId}`)).body.restore?.state === 'completed',
        { what: 'the restore to end' },
      );
    });
    await inALife(async (api) => expect(await toolsOf(api)).toEqual(['old']));
  });
});
