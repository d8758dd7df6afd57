import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { faultTests } from './support/invariants';
import { groupMembers } from './support/process-tree';

/** A short start limit for what never answers; a long one for a busy machine. */
const SHORT_MS = 1_500;

describe('a tool that does not come up', () => {
  const faults = faultTests();
  const scratch = mkdtempSync(join(tmpdir(), 'mcps-faults-start-'));
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  /** What the faulty server wrote of itself: its starts and the children it made. */
  const diary = (name: string) => {
    const path = join(scratch, name);
    writeFileSync(path, '');
    const lines = () => readFileSync(path, 'utf8').trim().split('\n');
    return { path, starts: () => lines().filter((line) => line.startsWith('start ')).length };
  };

  describe.each([
    ['F1', 1, 'on-failure'],
    ['F2', 0, 'always'],
  ])('%s', (number, code, restartPolicy) => {
    it(`${number}: is tried again after a growing time when it exits with ${code} at once, and has failed after the last try`, async () => {
      const { path, starts } = diary(`crash-loop-${number}`);
      const tool = await faults.tool({
        name: `crash-loop-${code}`,
        restartPolicy,
        maxRetries: 2,
        flags: ['--diary', path, '--exit', String(code), '--stderr', 'PORT is not set'],
      });
      const first = await tool.start();
      expect({ status: first.status, code: first.body.code, state: first.body.state }).toEqual({
        status: 502,
        code: 'tool_start_failed',
        state: 'backoff',
      });
      for (const [restarts, fullMs] of [
        [0, 1_000],
        [1, 2_000],
      ] as const) {
        const { nextRetryAt, lastExit, heardAt } = await faults.seen(
          tool,
          `waits for restart ${restarts + 1}`,
          (status) => status.state === 'backoff' && status.restarts === restarts,
        );
        // Between the exit and the wait the group is seen to be gone.
        expect(Number(nextRetryAt) - Number(lastExit?.at)).toBeGreaterThanOrEqual(fullMs / 2);
        expect(Number(nextRetryAt) - heardAt).toBeLessThanOrEqual(fullMs);
      }
      const failed = await tool.until('has failed', ({ state }) => state === 'failed');
      expect(failed).toMatchObject({
        desired: 'running',
        restarts: 2,
        pid: null,
        nextRetryAt: null,
        lastExit: { code, signal: null },
      });
      expect(failed.lastError.message).toContain(`exited with code ${code}`);
      expect(failed.lastError.message).toContain('PORT is not set');
      expect(failed.lastError.message).toContain('gave up after 2 restarts in a row');
      expect(failed.lastError.hint).toMatch(/\w{3}/);
      expect(await tool.stderr()).toContain('PORT is not set');
      // One that ends at the first question is asked once more without it: three tries are six starts at most.
      expect(starts()).toBeGreaterThanOrEqual(3);
      expect(starts()).toBeLessThanOrEqual(6);
    });
  });

  it('F2: is at rest when it exits with 0 at once and the policy is on-failure, and its start says so', async () => {
    const tool = await faults.tool({ name: 'at-once', restartPolicy: 'on-failure', flags: ['--exit', '0'] });
    const { status, body } = await tool.start();
    expect({ status, code: body.code, reason: body.reason, state: body.state }).toEqual({
      status: 502,
      code: 'tool_start_failed',
      reason: 'exited_before_handshake',
      state: 'stopped',
    });
    expect(await tool.status()).toMatchObject({ desired: 'running', restarts: 0, lastExit: { code: 0 } });
  });

  it('F2: is at rest when it exits with 0 after its work and the policy is on-failure, and starts anew under always', async () => {
    const flags = ['--after-init', 'exit:0@50'];
    const content = await faults.tool({ name: 'content', restartPolicy: 'on-failure', flags });
    await content.start();
    const stopped = await content.until('is at rest', ({ state }) => state === 'stopped');
    expect(stopped).toMatchObject({ desired: 'running', lastExit: { code: 0 }, restarts: 0 });

    const eager = await faults.tool({ name: 'eager', restartPolicy: 'always', flags });
    await eager.start();
    await eager.until('is started anew', ({ restarts }) => restarts >= 1);
  });

  it('F5: is given up after its start timeout when it hangs in the handshake, and holds nobody else up', async () => {
    const hanging = await faults.tool({
      name: 'hanging',
      maxRetries: 1,
      startTimeoutMs: SHORT_MS,
      flags: ['--at-init', 'mute'],
    });
    const others = await Promise.all(['other-1', 'other-2'].map((name) => faults.tool({ name })));
    const began = performance.now();
    const start = hanging.start();
    for (const { status } of await Promise.all(others.map((other) => other.start()))) expect(status).toBe(200);
    const { status, body } = await start;
    expect({ status, reason: body.reason, state: body.state }).toEqual({
      status: 502,
      reason: 'handshake_timeout',
      state: 'backoff',
    });
    expect(performance.now() - began).toBeGreaterThanOrEqual(SHORT_MS);
    expect(await others[0]?.textOf('echo', { text: 'meanwhile' })).toBe('Echo: meanwhile');
    expect((await hanging.status()).lastError).toMatchObject({ code: 'handshake_timeout', hint: expect.any(String) });
  });

  it.each([
    ['an unknown revision', 'protocol_mismatch', 'failed', ['--bad-version', '1999-01-01']],
    ['an error', 'handshake_refused', 'backoff', ['--init-error']],
    ['a number', 'not_mcp', 'backoff', ['--at-init', 'shape']],
    ['32 MiB in a line', 'not_mcp', 'backoff', ['--at-init', 'huge:32']],
    ['100,000 nested arrays', 'handshake_timeout', 'backoff', ['--at-init', 'deep:100000']],
    ['its own death', 'exited_before_handshake', 'backoff', ['--at-init', 'exit:4']],
    ['SIGSEGV', 'crashed', 'backoff', ['--at-init', 'signal:SIGSEGV']],
  ])('F6: is refused with a precise reason when it answers initialize with %s', async (_, reason, state, flags) => {
    const name = `bad-init-${flags
      .join('-')
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, '-')}`.slice(0, 60);
    // What ends only with its time is to do so soon.
    const startTimeoutMs = reason === 'handshake_timeout' ? 3_000 : 60_000;
    const tool = await faults.tool({ name, flags, startTimeoutMs });
    const { status, body } = await tool.start();
    expect({ status, reason: body.reason, state: body.state }).toEqual({ status: 502, reason, state });
    expect(body.hint).toMatch(/\w{3}/);
  });

  it.each([
    ['legacy', '2025-11-25'],
    ['modern', '2026-07-28'],
    ['dual', '2026-07-28'],
    ['mute-discover', '2025-11-25'],
    ['exit-on-discover', '2025-11-25'],
  ])('F7: is agreed with, whether it is %s or not', async (era, protocolVersion) => {
    const tool = await faults.tool({ name: `is-${era}`, flags: ['--era', era] });
    const { status, body } = await tool.start();
    expect({ status, ...body }).toMatchObject({ status: 200, state: 'running', protocolVersion, restarts: 0 });
    expect(await tool.textOf('echo', { text: era })).toBe(`Echo: ${era}`);
  });

  it('F7: is not asked by the old rules when it answers by the new ones with an error of theirs', async () => {
    const tool = await faults.tool({ name: 'modern-only', flags: ['--era', 'modern', '--bad-version', '2099-01-01'] });
    const { body } = await tool.start();
    expect(body).toMatchObject({ reason: 'protocol_mismatch', state: 'failed' });
    const { body: logged } = await faults.send('GET', `/logs/mcp?tool=modern-only&method=initialize`);
    expect(logged.items).toEqual([]);
  });

  describe('F25: a definition that cannot work', () => {
    const notExecutable = join(scratch, 'not-executable');
    beforeAll(() => writeFileSync(notExecutable, '#!/bin/sh\n', { mode: 0o644 }));

    it.each([
      ['command_not_found', { command: '/no/such/program' }],
      ['command_not_executable', { command: notExecutable }],
      ['cwd_not_found', { cwd: '/no/such/folder' }],
    ])('F25: has failed at once with %s, and is not tried again', async (reason, wrong) => {
      const tool = await faults.tool({ name: reason.replaceAll('_', '-'), maxRetries: 5, ...wrong });
      const { status, body } = await tool.start();
      expect({ status, reason: body.reason, state: body.state }).toEqual({ status: 502, reason, state: 'failed' });
      expect(await tool.status()).toMatchObject({ state: 'failed', restarts: 0, nextRetryAt: null, pid: null });
    });

    it.each([
      ['an argument of 200 KB', { args: ['x'.repeat(200_000)] }],
      ['a NUL byte in an argument', { args: ['a\0b'] }],
      ['a NUL byte in a variable', { env: { NAME: 'a\0b' } }],
    ])('F25: is refused by the API with 400 for %s, so that no such row exists', async (what, wrong) => {
      const name = what.toLowerCase().replaceAll(/[^a-z]+/g, '-');
      const { status, body } = await faults.send('POST', '/tools', { name, command: process.execPath, ...wrong });
      expect({ status, names: JSON.stringify(body.errors) }).toEqual({
        status: 400,
        names: expect.stringContaining(Object.keys(wrong)[0] ?? ''),
      });
      expect((await faults.send('GET', `/tools/${name}`)).status).toBe(404);
    });
  });

  it('F27: is gone before its edited definition starts, when it is edited in the middle of its start', async () => {
    const tool = await faults.tool({ name: 'edited', flags: ['--slow-init', '20000'] });
    const starting = tool.start();
    const { pid } = await tool.until('has a process', (status) => status.pid !== null);
    const { status, body } = await tool.update({
      env: { MARK: 'new' },
      args: [join(__dirname, 'support/faulty-mcp-server.mjs')],
    });
    expect({ status, state: body.status.state, restartRequired: body.status.restartRequired }).toEqual({
      status: 200,
      state: 'starting',
      restartRequired: true,
    });
    const restarted = await tool.restart();
    expect(restarted.body).toMatchObject({ state: 'running', restartRequired: false });
    expect(restarted.body.pid).not.toBe(pid);
    expect(groupMembers(pid)).toEqual([]);
    expect(await tool.textOf('env', { name: 'MARK' })).toBe('new');
    // Who waited for the first start gets what came of it in the end.
    expect([200, 409, 502]).toContain((await starting).status);
  });
});

describe('npx without its registry', () => {
  const home = mkdtempSync(join(tmpdir(), 'mcps-faults-npx-'));
  const userconfig = join(home, 'npmrc');
  writeFileSync(userconfig, 'fetch-retries=0\nupdate-notifier=false\n');
  afterAll(() => rmSync(home, { recursive: true, force: true, maxRetries: 5 }));
  const faults = faultTests({
    env: {
      npm_config_registry: 'http://127.0.0.1:1',
      npm_config_cache: join(home, 'cache'),
      npm_config_userconfig: userconfig,
    },
  });

  it('F28: starts what is installed although the registry cannot be reached', async () => {
    const tool = await faults.tool({
      name: 'installed',
      command: 'npx',
      args: ['--no-install', 'mcp-server-everything'],
      cwd: join(__dirname, '..'),
      startTimeoutMs: 60_000,
    });
    const { status, body } = await tool.start();
    expect({ status, state: body.state }).toEqual({ status: 200, state: 'running' });
    expect(groupMembers(body.pid).length).toBeGreaterThan(1);
  });

  it('F28: says that the registry cannot be reached when something has to be fetched', async () => {
    const tool = await faults.tool({
      name: 'to-be-fetched',
      command: 'npx',
      args: ['-y', 'a-package-that-is-not-installed-here'],
      cwd: home,
      maxRetries: 0,
      startTimeoutMs: 60_000,
    });
    const { status, body } = await tool.start();
    expect({ status, state: body.state }).toEqual({ status: 502, state: 'failed' });
    expect(body.detail).toContain('ECONNREFUSED');
    expect(body.hint).toMatch(/registry|network|proxy/i);
  });
});
