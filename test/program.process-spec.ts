import { connect, createServer } from 'node:net';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { aTool } from './support/a-tool';
import { firstLogin, scratchFolder, startProgram, stopProgram } from './support/built-program';
import { groupMembers, waitUntil } from './support/process-tree';

describe('the built program', () => {
  const folder = scratchFolder();
  afterAll(() => folder.remove());
  /** Each test in a folder of its own. */
  const fresh = (): string => {
    const scratch = scratchFolder();
    cleanups.push(scratch.remove);
    return scratch.path;
  };
  const cleanups: (() => void)[] = [];
  afterAll(() => {
    for (const cleanup of cleanups) cleanup();
  });

  it('starts without any configuration, says where to go, and ends with 0 on SIGTERM and on SIGINT', async () => {
    const path = fresh();
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const program = startProgram(path);
      const origin = await program.listening();
      expect(origin).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
      await waitUntil(() => program.output().includes('First login'), { what: 'the last line' });
      expect(program.output()).toContain(`${origin}/docs`);
      expect(program.output()).toContain(join(path, 'data/initial-admin-password'));
      program.child.kill(signal);
      expect(await program.exited).toBe(0);
    }
  });

  it('keeps everything it writes for its owner alone', async () => {
    const path = fresh();
    const program = startProgram(path);
    await program.listening();
    for (const name of readdirSync(join(path, 'data'))) {
      const info = statSync(join(path, 'data', name));
      const mode = (info.mode & 0o777).toString(8);
      expect({ name, mode }).toEqual({ name, mode: info.isDirectory() ? '700' : '600' });
    }
    expect(statSync(join(path, 'data')).mode & 0o777).toBe(0o700);
    expect(statSync(join(path, 'logs/app.log')).mode & 0o777).toBe(0o600);
    await stopProgram(program);
  });

  it('reads .env, and names all mistakes of the configuration at once with exit code 1', async () => {
    const path = fresh();
    writeFileSync(join(path, '.env'), 'PORT=99999\nLOG_LEVEL=loud\nDATABASE_URL=mysql://x\n');
    const program = startProgram(path, { PORT: undefined });
    expect(await program.exited).toBe(1);
    for (const name of ['PORT', 'LOG_LEVEL', 'DATABASE_URL']) expect(program.output()).toContain(name);
    expect(readdirSync(path)).toEqual(['.env']);
  });

  it('refuses production without a proper SECRET_KEY, and starts with one', async () => {
    const path = fresh();
    for (const key of ['', 'short', 'change-me-change-me-change-me-change-me']) {
      const refused = startProgram(path, { ENVIRONMENT: 'production', SECRET_KEY: key });
      expect(await refused.exited).toBe(1);
      expect(refused.output()).toContain('SECRET_KEY');
    }
    const program = startProgram(path, { ENVIRONMENT: 'production', SECRET_KEY: 'kV8s2mQ9xR4tY7wZ1aB5cD8eF0gH3jKl' });
    await program.listening();
    const line = program.output().split('\n')[0] ?? '';
    expect(JSON.parse(line)).toMatchObject({ level: 'info', at: expect.any(String) });
    expect(await stopProgram(program)).toBe(0);
  });

  it('F53: keeps a second process off its data with exit code 4 and the pid of the first; kill -9 frees it at once', async () => {
    const path = fresh();
    const first = startProgram(path);
    await first.listening();
    const second = startProgram(path);
    expect(await second.exited).toBe(4);
    expect(second.output()).toContain(`pid ${first.pid}`);
    // The same database through another data folder is the same data.
    const other = startProgram(fresh(), { DATABASE_URL: `sqlite:///${join(path, 'data/mcps.db')}` });
    expect(await other.exited).toBe(4);
    first.child.kill('SIGKILL');
    expect(await first.exited).toBe('SIGKILL');
    const third = startProgram(path);
    await third.listening();
    expect(await stopProgram(third)).toBe(0);
  });

  it('is not held up at its end by connections on which nothing is asked', async () => {
    const program = startProgram(fresh());
    const { port, hostname } = new URL(await program.listening());
    const idle = connect(Number(port), hostname);
    idle.on('error', () => undefined);
    await once(idle, 'connect');
    const began = performance.now();
    expect(await stopProgram(program)).toBe(0);
    expect(performance.now() - began).toBeLessThan(30_000);
  });

  it('keeps a second process off the same data by a link as well', async () => {
    const [path, other] = [fresh(), fresh()];
    const first = startProgram(path);
    await first.listening();
    symlinkSync(join(path, 'data/mcps.db'), join(other, 'link.db'));
    const second = startProgram(other, { DATABASE_URL: 'sqlite:///./link.db' });
    expect(await second.exited).toBe(4);
    await stopProgram(first);
  });

  it('F43: ends with 3 and one clear line when the port is in use', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const program = startProgram(fresh(), { PORT: String(port) });
    expect(await program.exited).toBe(3);
    expect(program.output()).toContain(`Port ${port} on 127.0.0.1 is in use`);
    server.close();
  });

  it('ends with 5 when the database is newer than the program', async () => {
    const path = fresh();
    const program = startProgram(path);
    await program.listening();
    await stopProgram(program);
    const database = new BetterSqlite3(join(path, 'data/mcps.db'));
    database.prepare('INSERT INTO migrations (timestamp, name) VALUES (?, ?)').run(9_999_999_999_999, 'FromTheFuture');
    database.close();
    const older = startProgram(path);
    expect(await older.exited).toBe(5);
    expect(older.output()).toContain('FromTheFuture');
  });

  it('refuses another SECRET_KEY than its secrets were sealed with, and destroys nothing', async () => {
    const path = fresh();
    const program = startProgram(path);
    const api = await firstLogin(await program.listening(), path);
    await api('POST', '/tools', aTool({ name: 'sealed', env: { K: 'sealed-value' }, autoStart: true }));
    await stopProgram(program);
    const wrong = startProgram(path, { SECRET_KEY: 'another key that is long enough for it' });
    expect(await wrong.exited).toBe(1);
    expect(wrong.output()).toContain('SECRET_KEY');
    const right = startProgram(path);
    await right.listening();
    expect(await stopProgram(right)).toBe(0);
  });

  it('goes on when nobody reads its output any more', async () => {
    const path = fresh();
    const program = startProgram(path);
    const origin = await program.listening();
    program.child.stdout?.destroy();
    program.child.stderr?.destroy();
    const api = await firstLogin(origin, path);
    await api('POST', '/tools', aTool({ name: 'loud' }));
    expect((await api('POST', '/tools/loud/start')).body.state).toBe('running'); // says a line
    program.child.kill('SIGTERM');
    expect(await program.exited).toBe(0);
  });

  it('leaves no child behind when it is told to stop, and answers calls until then', async () => {
    const path = fresh();
    const program = startProgram(path);
    const api = await firstLogin(await program.listening(), path);
    await api('POST', '/tools', aTool({ name: 'child', flags: ['--fork'] }));
    const { pid } = (await api('POST', '/tools/child/start')).body;
    expect(groupMembers(pid).length).toBeGreaterThan(0);
    expect(await stopProgram(program)).toBe(0);
    expect(groupMembers(pid)).toEqual([]);
  });

  it('tells its version and its help, and refuses arguments it does not know', async () => {
    const { version } = JSON.parse(readFileSync(join(__dirname, '../package.json'), 'utf8'));
    const asked = startProgram(folder.path, {}, ['--version']);
    expect([await asked.exited, asked.output()]).toEqual([0, `${version}\n`]);
    const help = startProgram(folder.path, {}, ['--help']);
    expect(await help.exited).toBe(0);
    expect(help.output()).toContain('Exit codes');
    const unknown = startProgram(folder.path, {}, ['--frobnicate']);
    expect(await unknown.exited).toBe(1);
    expect(unknown.output()).toContain('--frobnicate');
  });

  it('serves ReDoc and Swagger UI with scripts of its own, and a dashboard from STATIC_DIR', async () => {
    const path = fresh();
    const pages = join(path, 'pages');
    mkdirSync(pages);
    writeFileSync(join(pages, 'index.html'), '<h1>dashboard</h1>');
    writeFileSync(join(pages, '.env'), 'NOT=for everyone');
    const program = startProgram(path, { STATIC_DIR: pages });
    const origin = await program.listening();
    const script = await fetch(`${origin}/redoc/redoc.standalone.js`);
    expect(script.headers.get('content-type')).toContain('javascript');
    expect((await script.text()).length).toBeGreaterThan(500_000);
    const page = await (await fetch(`${origin}/docs`)).text();
    for (const [, source] of page.matchAll(/src="([^"]+)"/g)) {
      expect((await fetch(new URL(source ?? '', `${origin}/docs`))).status).toBe(200);
    }
    expect(await (await fetch(`${origin}/`)).text()).toContain('dashboard');
    for (const secret of ['/.env', '/../data/secret-key', '/%2e%2e/data/secret-key', '/..%2fdata%2fsecret-key']) {
      expect((await fetch(`${origin}${secret}`)).status).toBe(404);
    }
    await stopProgram(program);
    const careless = startProgram(path, { STATIC_DIR: path });
    expect(await careless.exited).toBe(1);
    expect(careless.output()).toContain('STATIC_DIR holds DATA_DIR');
  });
});
