import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { aTool } from './support/a-tool';
import { type Api, firstLogin, login, scratchFolder, startProgram, stopProgram } from './support/built-program';
import { waitUntil } from './support/process-tree';

// Databases are made, opened and compared: seconds, where others work too.
jest.setTimeout(180_000);

const SCRIPT = join(__dirname, '../scripts/backup.mjs');
const KEY = 'the key of this test, which is long enough';

const folder = scratchFolder();
const dataDir = join(folder.path, 'data');
const backups = join(dataDir, 'backups');
afterAll(() => folder.remove());

function command(args: string[], env: Record<string, string> = { SECRET_KEY: KEY }, cwd = folder.path) {
  const { PATH, HOME } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [SCRIPT, ...args], {
    ...{ cwd, encoding: 'utf8' as const },
    env: { PATH, HOME, ...env },
  });
  return { status, stdout, stderr };
}

const files = () => readdirSync(backups).filter((name) => name.endsWith('.mcpsbak'));
const toolsOf = async (api: Api) => (await api('GET', '/tools')).body.items.map(({ name }: any) => name) as string[];

async function inALife<T>(
  work: (api: Api) => Promise<T>,
  env: Record<string, string> = { SECRET_KEY: KEY },
): Promise<T> {
  const program = startProgram(folder.path, env);
  const result = await work(await login(await program.listening()));
  expect(await stopProgram(program)).toBe(0);
  return result;
}

describe('npm run backup:create, backup:verify and backup:restore', () => {
  let file = '';

  beforeAll(async () => {
    const program = startProgram(folder.path, { SECRET_KEY: KEY });
    const api = await firstLogin(await program.listening(), folder.path);
    await api('POST', '/tools', aTool({ name: 'kept', env: { K: 'a sealed value' } }));
    await stopProgram(program);
  });

  it.each(['create', 'verify', 'restore'])(
    '%s explains itself, and refuses arguments that it does not know',
    (name) => {
      expect(command([name, '--help'])).toMatchObject({
        status: 0,
        stdout: expect.stringContaining(`npm run backup:${name}`),
      });
      expect(command([name, '--force'])).toMatchObject({ status: 1, stderr: 'Unknown argument --force; see --help\n' });
    },
  );

  it('make a backup that the service lists, and prove it', async () => {
    const made = command(['create', 'before the party']);
    expect(made).toMatchObject({ status: 0, stderr: '' });
    const [name = ''] = files();
    file = join(folder.path, 'kept-elsewhere.mcpsbak');
    copyFileSync(join(backups, name), file);
    expect(command(['verify', file])).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/is sound: \d+ bytes, \d+ rows/),
    });
    await inALife(async (api) => {
      const { body } = await api('GET', '/system/backups');
      expect(body.items).toMatchObject([
        { state: 'completed', note: 'before the party', verification: { state: 'passed' } },
      ]);
    });
  });

  it('F53: are refused while MCPS.ONE runs', async () => {
    await inALife(async () => {
      for (const args of [['create'], ['verify', file], ['restore', file]]) {
        expect(command(args)).toMatchObject({
          status: 4,
          stderr: expect.stringMatching(/in use by another MCPS.ONE \(pid \d+\)/),
        });
      }
      await Promise.resolve();
    });
  });

  it('B5, B6: restore, with a safety backup of what was there; a bad file changes nothing', async () => {
    await inALife(async (api) => {
      await api('DELETE', '/tools/kept');
      await api('POST', '/tools', aTool({ name: 'later' }));
    });
    const bad = join(folder.path, 'bad.mcpsbak');
    copyFileSync(file, bad);
    truncateSync(bad, 5_000);
    const refused = command(['restore', bad]);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toMatch(/^Nothing was changed. The restore failed: The backup ends too early/);
    const wrong = command(['restore', file], { SECRET_KEY: 'another key, which is long enough as well' });
    expect([wrong.status, wrong.stderr]).toEqual([1, expect.stringContaining('another SECRET_KEY')]);
    await inALife(async (api) => expect(await toolsOf(api)).toEqual(['later']));

    const done = command(['restore', file]);
    expect(done).toMatchObject({ status: 0, stderr: '' });
    expect(done.stdout).toMatch(/is what is stored now\.\nWhat was stored before is the backup [\da-f-]{36}\./);
    await inALife(async (api) => {
      expect(await toolsOf(api)).toEqual(['kept']);
      expect((await api('POST', '/tools/kept/reveal')).body.env).toEqual({ K: 'a sealed value' });
      const { body } = await api('GET', '/system/backups');
      expect(body.items.map(({ trigger }: any) => trigger)).toEqual(['pre-restore', 'manual']);
      const rows = (await api('GET', '/logs/operations?action=backup.restore')).body.items;
      expect(rows[0]).toMatchObject({ outcome: 'success', actor: { type: 'system' } });
      expect((await api('GET', '/logs/operations/verify')).body.valid).toBe(true);
    });
  });

  it('restore where the database is damaged, and where everything is lost', async () => {
    writeFileSync(join(dataDir, 'mcps.db'), 'this is no database any more');
    for (const name of ['mcps.db-wal', 'mcps.db-shm']) rmSync(join(dataDir, name), { force: true });
    const broken = startProgram(folder.path, { SECRET_KEY: KEY });
    expect(await broken.exited).toBe(1);
    const mended = command(['restore', file]);
    expect(mended).toMatchObject({ status: 0, stderr: '' });
    expect(mended.stdout).toMatch(/set aside: .*mcps\.db\.damaged-/);
    await inALife(async (api) => expect(await toolsOf(api)).toEqual(['kept']));

    rmSync(dataDir, { recursive: true });
    expect(command(['restore', file])).toMatchObject({ status: 0, stderr: '' });
    await inALife(async (api) => expect(await toolsOf(api)).toEqual(['kept']));
  });

  it('restore a backup of before a change of keys by the key ring alone', async () => {
    const next = { SECRET_KEY: 'the next key of this test, long enough' };
    const { PATH, HOME } = process.env;
    const rotated = spawnSync(process.execPath, [join(__dirname, '../scripts/secrets-rotate.mjs')], {
      cwd: folder.path,
      env: { PATH, HOME, ...next, SECRET_KEY_OLD: KEY },
      encoding: 'utf8',
    });
    expect(rotated).toMatchObject({ status: 0, stderr: '' });
    const restored = command(['restore', file], next);
    expect(restored).toMatchObject({
      status: 0,
      stderr: '',
      stdout: expect.stringContaining('made under another SECRET_KEY'),
    });
    await inALife(async (api) => {
      expect((await api('POST', '/tools/kept/reveal')).body.env).toEqual({ K: 'a sealed value' });
      expect((await api('GET', '/logs/operations/verify')).body.valid).toBe(true);
    }, next);
  });

  it('restore a backup in clear whose generated key is lost, where that is asked for', async () => {
    const other = join(folder.path, 'other');
    mkdirSync(other);
    const program = startProgram(other, {});
    const api = await firstLogin(await program.listening(), other);
    await api('POST', '/tools', aTool({ name: 'plain', env: { K: 'lost with its key' } }));
    await stopProgram(program);
    expect(command(['create'], {}, other)).toMatchObject({ status: 0 });
    const [name = ''] = readdirSync(join(other, 'data/backups')).filter((each) => each.endsWith('.mcpsbak'));
    cpSync(join(other, 'data/backups', name), join(other, 'only-this'));
    rmSync(join(other, 'data'), { recursive: true });
    const refused = command(['restore', 'only-this'], {}, other);
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining('another SECRET_KEY')]);
    expect(command(['restore', 'only-this', '--adopt'], {}, other)).toMatchObject({ status: 0, stderr: '' });
    const again = startProgram(other, {});
    const next = await login(await again.listening());
    await waitUntil(async () => (await toolsOf(next)).join() === 'plain', { what: 'the tool is there' });
    await stopProgram(again);
    expect(readFileSync(join(other, 'data/secret-key'), 'utf8').length).toBeGreaterThan(30);
    expect(existsSync(join(other, 'data/restore.json'))).toBe(false);
  });
});
