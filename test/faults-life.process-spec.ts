/** MCPS.ONE as Kubernetes sees it: faults that must not make it restart us, and a shutdown that loses nothing. */
import { renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { firstLogin, login, scratchFolder, startProgram, stopProgram } from './support/built-program';
import { FakeKubelet } from './support/fake-kubelet';
import { allRunning, startFaultProgram } from './support/fault-program';
import { HeldTool } from './support/held-tool';
import { expectNoOrphan } from './support/invariants';
import { aSession, modernRequest, raw } from './support/mcp-clients';
import { waitUntil } from './support/process-tree';
import { type Send, ToolUnderTest } from './support/tool-under-test';

const folders: { path: string; remove: () => void }[] = [];
const fresh = (): string => {
  const folder = scratchFolder();
  folders.push(folder);
  return folder.path;
};
afterAll(() => {
  for (const folder of folders) folder.remove();
});

/** Runs before the program, in its process. */
const preload = (path: string, code: string): Record<string, string> => {
  const file = join(path, 'preload.cjs');
  writeFileSync(file, code);
  return { NODE_OPTIONS: `--require=${file}` };
};

const probe = async (origin: string, path: string) => {
  const response = await fetch(`${origin}/health/${path}`);
  return { status: response.status, body: await response.json() };
};

const aKey = async (send: Send): Promise<string> => {
  const { status, body } = await send('POST', '/api-keys', { name: 'a client', role: 'operator' });
  if (status !== 201) throw new Error(`No key was made: ${JSON.stringify(body)}`);
  return body.key;
};

let calls = 0;
const toolCall = (name: string, args: object) => ({
  ...{ jsonrpc: '2.0', id: `call ${++calls}`, method: 'tools/call' },
  params: { name, arguments: args },
});

describe('a shutdown', () => {
  const held = new HeldTool();

  it('F31: answers a call in flight, refuses new work, is not ready at once but alive, and ends with 0', async () => {
    const { program, send, origin, dataDir } = await startFaultProgram(fresh());
    const kubelet = new FakeKubelet(origin).start();
    const tool = await ToolUnderTest.create(send, { name: 'slow', flags: held.flags });
    await tool.start();
    const pids = await allRunning(send, 1);
    await waitUntil(() => kubelet.isReady, { what: 'the kubelet to send traffic' });
    const called = tool.call('echo', { text: 'in flight' });
    await tool.hasBeenCalled(1);
    program.child.kill('SIGTERM');
    const ready = await waitUntil(
      async () => {
        const answer = await probe(origin, 'ready');
        return answer.status === 503 ? answer : undefined;
      },
      { what: 'readiness to go down' },
    );
    expect(ready.body.details.service).toEqual({ status: 'down', message: 'shutting down' });
    expect((await probe(origin, 'live')).status).toBe(200);
    for (const path of ['/tools/slow/call', '/tools/slow/start', '/tools']) {
      expect(await send('POST', path, {})).toMatchObject({ status: 503, body: { code: 'shutting_down' } });
    }
    expect((await send('GET', '/tools')).status).toBe(200);
    await waitUntil(() => !kubelet.isReady, { what: 'the kubelet to send no more traffic' });
    // Calls have five seconds from the signal on.
    held.letGo();
    expect((await called).status).toBe(200);
    // From here on nobody answers, and no probe counts any more.
    await kubelet.stop();
    expect(await program.exited).toBe(0);
    expect(kubelet.wouldRestart).toBe(0);
    expect(kubelet.readiness).toEqual([true, false]);
    await expectNoOrphan(dataDir, pids);
    expect(program.output()).not.toMatch(/too long|failed/i);
  });
});

describe('a shutdown with calls at the gateway', () => {
  const held = new HeldTool();

  it('F31: answers those in flight, of both eras, refuses new ones with Retry-After, and ends with 0', async () => {
    const { program, send, origin, dataDir } = await startFaultProgram(fresh());
    const tool = await ToolUnderTest.create(send, { name: 'slow', flags: held.flags });
    await tool.start();
    const pids = await allRunning(send, 1);
    const reach = { origin, key: await aKey(send), tool: 'slow' };
    const session = await aSession(reach);
    const modern = modernRequest('the modern call', 'tools/call', { name: 'echo', arguments: { text: 'modern' } });
    const legacy = toolCall('echo', { text: 'legacy' });
    const called = [raw(reach, legacy, session), raw(reach, modern.body, modern.headers)];
    await tool.hasBeenCalled(2);
    program.child.kill('SIGTERM');
    await waitUntil(() => program.output().includes('Stopping on SIGTERM'), { what: 'the signal' });
    const refused = await raw(reach, toolCall('echo', { text: 'too late' }), session);
    expect([refused.status, refused.body.error.data.code, refused.headers.get('retry-after')]).toEqual([
      ...[503, 'shutting_down', '5'],
    ]);
    held.letGo();
    const answers = await Promise.all(called);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(answers.map(({ body }) => [body.id, body.error])).toEqual([
      [legacy.id, undefined],
      ['the modern call', undefined],
    ]);
    expect(await program.exited).toBe(0);
    await expectNoOrphan(dataDir, pids);
    expect(program.output()).not.toMatch(/too long|failed/i);
  });
});

describe('what must not make an orchestrator restart us', () => {
  it('F46: an event loop that is kept for five seconds: no restart, no child harmed, and it is seen', async () => {
    const path = fresh();
    const block = 'const end = performance.now() + 5000; while (performance.now() < end);';
    const hook = preload(path, `process.on('SIGUSR2', () => { ${block} });`);
    const { program, send, origin } = await startFaultProgram(path, { ...hook, MCP_HEALTH_INTERVAL: '1' });
    const kubelet = new FakeKubelet(origin).start();
    const tool = await ToolUnderTest.create(send, { name: 'bystander' });
    await tool.start();
    const pids = await allRunning(send, 1);
    program.child.kill('SIGUSR2');
    await new Promise((resolve) => setTimeout(resolve, 1_000)); // the fault itself begins
    const { body } = await send('GET', '/system/status');
    await waitUntil(async () => (await probe(origin, 'live')).status === 200, { what: 'it to answer' });
    await waitUntil(() => kubelet.isReady, { what: 'it to be ready' });
    expect(await allRunning(send, 1)).toEqual(pids);
    expect(await tool.status()).toMatchObject({ state: 'running', restarts: 0 });
    expect(body.at).toBeDefined();
    const seen = await waitUntil(
      async () => {
        const { body: status } = await send('GET', '/system/metrics?stepSeconds=10');
        const most = Math.max(...status.points.map((point: any) => Number(point.eventLoop.p99Ms ?? 0)));
        return most > 1_000 ? most : undefined;
      },
      { what: 'the delay to be measured' },
    );
    expect(seen).toBeGreaterThan(1_000);
    await kubelet.stop();
    expect(kubelet.wouldRestart).toBe(0);
    expect(await stopProgram(program)).toBe(0);
  });

  it('F32: a suspension of the whole machine: alive at the first question afterwards', async () => {
    const { program, send, origin } = await startFaultProgram(fresh());
    const kubelet = new FakeKubelet(origin).start();
    const tool = await ToolUnderTest.create(send, { name: 'bystander' });
    await tool.start();
    await waitUntil(() => kubelet.isReady, { what: 'it to be ready' });
    kubelet.suspend();
    program.child.kill('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 8_000)); // the fault itself
    program.child.kill('SIGCONT');
    expect((await probe(origin, 'live')).status).toBe(200);
    kubelet.resume();
    await waitUntil(() => kubelet.isReady, { what: 'it to be ready' });
    expect(await tool.status()).toMatchObject({ state: 'running', restarts: 0 });
    await kubelet.stop();
    expect(kubelet.wouldRestart).toBe(0);
    expect(new Set(kubelet.liveAnswers)).toEqual(new Set([200]));
    expect(await stopProgram(program)).toBe(0);
  });

  it('F45: bodies that would take more memory than there is: 503 for some, and it lives and answers', async () => {
    const { program, send, origin } = await startFaultProgram(fresh(), { NODE_OPTIONS: '--max-old-space-size=128' });
    const kubelet = new FakeKubelet(origin).start();
    const tool = await ToolUnderTest.create(send, { name: 'echo' });
    await tool.start();
    const text = 'x'.repeat(3_000_000);
    const statuses: number[] = [];
    for (let round = 0; round < 3; round++) {
      const calls = Array.from({ length: 40 }, () => tool.call('echo', { text }, 60_000));
      statuses.push(...(await Promise.all(calls)).map(({ status }) => status));
    }
    const count = (status: number) => statuses.filter((one) => one === status).length;
    expect(count(200)).toBeGreaterThan(0);
    expect(count(503)).toBeGreaterThan(0);
    expect(count(200) + count(503)).toBe(statuses.length);
    expect(await tool.textOf('echo', { text: 'small' })).toContain('small');
    await kubelet.stop();
    expect(kubelet.wouldRestart).toBe(0);
    expect(await stopProgram(program)).toBe(0);
  }, 120_000);

  it('F45: the same at the gateway, whose clients are told when to come again', async () => {
    const limits = { GATEWAY_REQUESTS_PER_SESSION: '1000', GATEWAY_REQUESTS_PER_TOOL: '1000' };
    const env = { ...limits, NODE_OPTIONS: '--max-old-space-size=128' };
    const { program, send, origin } = await startFaultProgram(fresh(), env);
    const kubelet = new FakeKubelet(origin).start();
    const tool = await ToolUnderTest.create(send, { name: 'echo' });
    await tool.start();
    const reach = { origin, key: await aKey(send), tool: 'echo' };
    const session = await aSession(reach);
    const text = 'x'.repeat(3_000_000);
    const seen: [number, string | null][] = [];
    for (let round = 0; round < 3; round++) {
      const called = Array.from({ length: 40 }, () => raw(reach, toolCall('echo', { text }), session));
      for (const { status, headers } of await Promise.all(called)) seen.push([status, headers.get('retry-after')]);
    }
    const count = (status: number) => seen.filter(([one]) => one === status).length;
    expect(count(200)).toBeGreaterThan(0);
    expect(count(503)).toBeGreaterThan(0);
    expect(count(200) + count(503)).toBe(seen.length);
    expect(seen.filter(([status, retryAfter]) => status === 503 && retryAfter !== '2')).toEqual([]);
    const answer = await raw(reach, toolCall('echo', { text: 'small' }), session);
    expect(answer.body.result.content[0].text).toContain('small');
    await kubelet.stop();
    expect(kubelet.wouldRestart).toBe(0);
    expect(await stopProgram(program)).toBe(0);
  }, 120_000);

  const damages: [string, (file: string) => void][] = [
    ['deleted', (file) => rmSync(file)],
    [
      'replaced',
      (file) => {
        writeFileSync(`${file}.other`, Buffer.alloc(100_000));
        renameSync(`${file}.other`, file);
      },
    ],
    // A young database is in its WAL: the file itself has a page or two.
    ['truncated', (file) => truncateSync(file, 0)],
  ];
  it.each(damages)(
    'F51: a database file that is %s under its hands: seen within 10 s, writes refused with a hint, reads and tools go on',
    async (what, damage) => {
      const path = fresh();
      const { program, send, origin, dataDir } = await startFaultProgram(path);
      const kubelet = new FakeKubelet(origin).start();
      const tool = await ToolUnderTest.create(send, { name: 'bystander' });
      await tool.start();
      await waitUntil(() => kubelet.isReady, { what: 'it to be ready' });
      damage(join(dataDir, 'mcps.db'));
      await waitUntil(() => kubelet.readiness.at(-1) === false, { timeoutMs: 30_000, what: 'it to notice' });
      const refused = await send('POST', '/tools', { name: 'another', command: 'true' });
      expect(refused).toMatchObject({ status: 503, body: { code: 'database_damaged' } });
      expect(refused.body.detail).toMatch(new RegExp(`was ${what}.*restore a backup`));
      expect(refused.body.detail).not.toContain(path);
      expect((await send('GET', '/tools')).body.items).toHaveLength(1);
      expect(await tool.status()).toMatchObject({ state: 'running' });
      expect((await probe(origin, 'live')).status).toBe(200);
      const { body } = await send('GET', '/system/health');
      expect(body.error.database.message).toContain(what);
      expect(program.output()).toMatch(/FATAL|"level":"fatal"/);
      await kubelet.stop();
      expect(kubelet.wouldRestart).toBe(0);
      expect(await stopProgram(program)).toBe(0);
    },
  );
});

const TEN_MINUTES_MS = 600_000;
const JUMPING_CLOCK = `
  const [RealDate, { readFileSync }] = [Date, require('node:fs')];
  let offset = Number(readFileSync(process.env.CLOCK_OFFSET, 'utf8'));
  globalThis.Date = class extends RealDate {
    constructor(...given) {
      if (given.length === 0) super(RealDate.now() + offset);
      else super(...given);
    }
    static now() {
      return RealDate.now() + offset;
    }
  };
  process.on('SIGUSR2', () => (offset = Number(readFileSync(process.env.CLOCK_OFFSET, 'utf8'))));
`;

describe('a wall clock that jumps', () => {
  it('F63: by two days and back to an hour ago: no tool is restarted, no job runs twice, nothing is deleted, probes are up', async () => {
    const path = fresh();
    const offset = join(path, 'offset');
    // Soon after the tenth minute, so that what comes every ten minutes does not come while the test runs.
    const start = TEN_MINUTES_MS + 5_000 - (Date.now() % TEN_MINUTES_MS);
    writeFileSync(offset, String(start));
    const env = { ...preload(path, JUMPING_CLOCK), CLOCK_OFFSET: offset, MCP_HEALTH_INTERVAL: '1' };
    const { program, send, origin } = await startFaultProgram(path, env);
    const kubelet = new FakeKubelet(origin).start();
    const tool = await ToolUnderTest.create(send, { name: 'bystander' });
    await tool.start();
    for (let n = 0; n < 5; n++) await tool.textOf('echo', { text: `before ${n}` });
    const pids = await allRunning(send, 1);
    let api = send;
    for (const hours of [48, -1]) {
      writeFileSync(offset, String(start + hours * 3_600_000));
      program.child.kill('SIGUSR2');
      // A login of before may be over by the new time.
      api = await waitUntil(() => login(origin).catch(() => undefined), { what: 'a login' });
      await new Promise((resolve) => setTimeout(resolve, 4_000)); // some ticks of all that ticks
      expect(await allRunning(api, 1)).toEqual(pids);
      const { body: status } = await api('GET', '/tools/bystander/status');
      expect(status).toMatchObject({ state: 'running', restarts: 0 });
      const called = await api('POST', '/tools/bystander/call', { name: 'echo', arguments: { text: `at ${hours}` } });
      expect(called.status).toBe(200);
      expect((await api('GET', '/system/metrics?stepSeconds=10')).status).toBe(200);
    }
    const runs = [...program.output().matchAll(/A job (?:is done|has failed).*?"job":"([\w-]+)"/g)].map(
      ([, job]) => job,
    );
    expect(runs).toContain('integrity-check');
    expect(runs).toEqual([...new Set(runs)]);
    const { body } = await api('GET', '/logs/mcp?method=tools/call&kind=request&limit=50');
    expect(body.items).toHaveLength(7);
    expect((await api('GET', '/logs/operations/verify')).body).toMatchObject({ valid: true });
    await kubelet.stop();
    expect(kubelet.wouldRestart).toBe(0);
    expect(new Set(kubelet.liveAnswers)).toEqual(new Set([200]));
    expect(await stopProgram(program)).toBe(0);
  });
});

describe('a start that can not be', () => {
  const NOBODY = 65_534;

  it('F50: says in one line which folder can not be written, and why', async () => {
    const path = fresh();
    writeFileSync(join(path, 'a-file'), '');
    const program = startProgram(path, { DATA_DIR: './a-file/data' });
    expect(await program.exited).toBe(1);
    expect(program.output()).toMatch(/^The folder \S+a-file\/data \(see DATA_DIR\) can't be written: .*file\.\n$/);
    // As another user where we are root, whom nothing is forbidden.
    if (process.getuid?.() !== 0) return;
    const forbidden = startProgram('/', { DATA_DIR: join(path, 'data'), LOG_DIR: join(path, 'logs') }, [], NOBODY);
    expect(await forbidden.exited).toBe(1);
    expect(forbidden.output()).toMatch(
      /^The folder \S+data \(see DATA_DIR\) can't be written: permission denied .*\n$/,
    );
  });

  it('F52: says in one line that the database file is none, and what to do', async () => {
    const path = fresh();
    const first = startProgram(path);
    await firstLogin(await first.listening(), path);
    await stopProgram(first);
    writeFileSync(join(path, 'data/mcps.db'), Buffer.alloc(50_000, 'not a database '));
    for (const name of ['mcps.db-wal', 'mcps.db-shm']) rmSync(join(path, 'data', name), { force: true });
    const program = startProgram(path);
    expect(await program.exited).toBe(1);
    const lines = program.output().trim().split('\n');
    expect(lines.at(-1)).toMatch(/^The database \S+mcps\.db can't be used: it is damaged.*restore a backup.*$/);
    expect(program.output()).not.toMatch(/\n\s+at /);
  });

  it('says in one line that a PostgreSQL can not be reached, and never the password', async () => {
    const path = fresh();
    const program = startProgram(path, { DATABASE_URL: 'postgresql://user:the-password@127.0.0.1:1/mcps' });
    expect(await program.exited).toBe(1);
    const lines = program.output().trim().split('\n');
    expect(lines.at(-1)).toBe("The database mcps at 127.0.0.1:1 can't be used: nothing listens there (ECONNREFUSED).");
    expect(program.output()).not.toMatch(/the-password|\n\s+at /);
  });
});
