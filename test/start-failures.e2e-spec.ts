import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { aTool } from './support/a-tool';
import { groupMembers, waitUntil } from './support/process-tree';
import { startTestApp, type TestApp } from './support/test-app';

describe('starting, stopping and calling when things go wrong', () => {
  let app: TestApp;
  const scratch = mkdtempSync(join(tmpdir(), 'mcps-start-'));
  beforeAll(async () => {
    app = await startTestApp();
  });
  afterAll(async () => {
    await app.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  const notExecutable = join(scratch, 'not-executable');
  writeFileSync(notExecutable, '#!/bin/sh\n', { mode: 0o644 });
  const banner = join(scratch, 'banner.sh');
  writeFileSync(banner, 'echo "Welcome! Type help for help."\nwhile read -r line; do :; done\n');

  it.each([
    ['command_not_found', { command: '/no/such/program' }],
    ['command_not_found', { command: 'no-such-program-anywhere' }],
    ['command_not_executable', { command: notExecutable }],
    ['cwd_not_found', { cwd: join(scratch, 'missing') }],
    ['exited_before_handshake', { flags: ['--exit', '3', '--stderr', 'the database is missing'] }],
    ['handshake_timeout', { flags: ['--hang'], startTimeoutMs: 700 }],
    ['protocol_mismatch', { flags: ['--bad-version', '1999-01-01'] }],
    ['handshake_refused', { flags: ['--init-error'] }],
    // A shell is quick: its banner is there long before the time is up.
    ['not_mcp', { command: 'sh', args: [banner], startTimeoutMs: 1500 }],
  ])('F25, F5, F6: answers 502 with the reason %s, a hint, and leaves nothing running', async (reason, wrong) => {
    const name = `fails-${reason.replaceAll('_', '-')}`;
    await app.post('/tools', aTool({ name, restartPolicy: 'never', ...wrong }));
    const { status, body } = await app.post(`/tools/${name}/start`);
    expect({ status, code: body.code, reason: body.reason }).toEqual({
      status: 502,
      code: 'tool_start_failed',
      reason,
    });
    expect(body.hint).toMatch(/\w{3,}/);
    const after = (await app.get(`/tools/${name}/status`)).body;
    expect(after).toMatchObject({ state: 'failed', desired: 'running', pid: null, lastError: { code: reason } });
    await app.delete(`/tools/${name}`);
  });

  it('quotes the last words of a program that exits before it is ready, and remembers its exit code', async () => {
    await app.post(
      '/tools',
      aTool({ name: 'last-words', restartPolicy: 'never', flags: ['--exit', '7', '--stderr', 'API_KEY is missing'] }),
    );
    const { body } = await app.post('/tools/last-words/start');
    expect(body.detail).toContain('exited with code 7');
    expect(body.detail).toContain('API_KEY is missing');
    expect((await app.get('/tools/last-words/status')).body.lastExit).toMatchObject({ code: 7, signal: null });
    expect((await app.get('/tools/last-words/stderr')).body.items).toEqual(
      expect.arrayContaining([expect.objectContaining({ line: expect.stringContaining('API_KEY is missing') })]),
    );
  });

  it('starts one process however often it is asked', async () => {
    await app.post('/tools', aTool({ name: 'once', flags: ['--slow-init', '200'] }));
    const answers = await Promise.all([1, 2, 3, 4].map(() => app.post('/tools/once/start')));
    expect(new Set(answers.map(({ body }) => body.pid)).size).toBe(1);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    const { pid } = answers[0]!.body;
    expect(groupMembers(pid)).toEqual([pid]);
    expect((await app.post('/tools/once/start')).body.pid).toBe(pid);
  });

  it('aborts a start that a stop overtakes with 409 start_aborted', async () => {
    await app.post('/tools', aTool({ name: 'overtaken', flags: ['--hang'] }));
    const starting = app.post('/tools/overtaken/start');
    const { pid } = await waitUntil(
      async () => {
        const { body } = await app.get('/tools/overtaken/status');
        return body.pid === null ? undefined : body;
      },
      { what: 'the process of the tool' },
    );
    expect((await app.post('/tools/overtaken/stop')).body.state).toBe('stopped');
    const aborted = await starting;
    expect({ status: aborted.status, code: aborted.body.code }).toEqual({ status: 409, code: 'start_aborted' });
    expect(groupMembers(pid)).toEqual([]);
  });

  it('gives a restarted tool a new process and takes the changed definition', async () => {
    await app.post('/tools', aTool({ name: 'renewed', env: { MARK: 'before-1' } }));
    const before = (await app.post('/tools/renewed/start')).body;
    const patched = (await app.patch('/tools/renewed', { env: { MARK: 'after-22' } })).body;
    expect(patched.status).toMatchObject({ state: 'running', pid: before.pid, restartRequired: true });
    const after = (await app.post('/tools/renewed/restart')).body;
    expect(after).toMatchObject({ state: 'running', restartRequired: false });
    expect(after.pid).not.toBe(before.pid);
    expect(groupMembers(before.pid)).toEqual([]);
  });

  it('F8, F10: answers a stop only when a group that ignores every polite request is gone', async () => {
    await app.post('/tools', aTool({ name: 'stubborn', flags: ['--ignore-eof', '--ignore-term', '--fork'] }));
    const { pid } = (await app.post('/tools/stubborn/start')).body;
    expect(groupMembers(pid).length).toBeGreaterThan(1);
    const stopped = await app.post('/tools/stubborn/stop');
    expect(stopped.body).toMatchObject({ state: 'stopped', lastExit: { signal: 'SIGKILL' } });
    expect(groupMembers(pid)).toEqual([]);
  });

  it('F3: fails a call in flight at once when the program dies, then starts it again', async () => {
    await app.post('/tools', aTool({ name: 'mortal' }));
    const { pid } = (await app.post('/tools/mortal/start')).body;
    const { status, body } = await app.post('/tools/mortal/call', { name: 'crash', arguments: { code: 9 } });
    // Not `tool_timeout`, which is how it would end later.
    expect({ status, code: body.code }).toEqual({ status: 502, code: 'tool_connection_lost' });
    expect(body.detail).toContain('code 9');
    const again = await waitUntil(
      async () => {
        const now = (await app.get('/tools/mortal/status')).body;
        return now.state === 'running' && now.pid !== pid ? now : undefined;
      },
      { what: 'the tool to run again' },
    );
    expect(again).toMatchObject({ restarts: 1, lastExit: { code: 9 } });
    const logged = await app.get('/logs/mcp?tool=mortal&target=crash&direction=from-server');
    expect(logged.body.items[0]).toMatchObject({ outcome: 'transport_error', kind: 'error', payload: null });
  });

  it('answers 409 to a call of a tool that is not running, and starts nothing', async () => {
    await app.post('/tools', aTool({ name: 'asleep' }));
    const { status, body } = await app.post('/tools/asleep/call', { name: 'echo', arguments: {} });
    expect({ status, code: body.code }).toEqual({ status: 409, code: 'tool_not_running' });
    expect((await app.get('/tools/asleep/capabilities')).status).toBe(409);
    expect((await app.get('/tools/asleep/status')).body).toMatchObject({ state: 'stopped', pid: null });
  });

  it('remembers what a stopped tool offered', async () => {
    await app.post('/tools', aTool({ name: 'remembered' }));
    await app.post('/tools/remembered/start');
    const live = (await app.get('/tools/remembered/capabilities')).body;
    await app.post('/tools/remembered/stop');
    const known = (await app.get('/tools/remembered/capabilities')).body;
    expect(known).toEqual({ ...live, live: false });
  });

  it('follows all pages of what a tool offers', async () => {
    await app.post('/tools', aTool({ name: 'paged', flags: ['--tools', '25', '--page-size', '4'] }));
    await app.post('/tools/paged/start');
    const { body } = await app.get('/tools/paged/capabilities');
    expect(body.tools.length).toBeGreaterThan(25);
    expect(new Set(body.tools.map((tool: { name: string }) => tool.name)).size).toBe(body.tools.length);
  });

  it('passes MCP results and errors on as they came', async () => {
    await app.post('/tools', aTool({ name: 'faithful' }));
    await app.post('/tools/faithful/start');
    const failed = await app.post('/tools/faithful/call', { name: 'fail' });
    expect({ status: failed.status, isError: failed.body.result.isError }).toEqual({ status: 200, isError: true });
    const unknown = await app.post('/tools/faithful/request', { method: 'no/such-method' });
    expect(unknown).toMatchObject({ status: 502, body: { code: 'tool_rpc_error', rpcError: { code: -32601 } } });
    const late = await app.post('/tools/faithful/call', { name: 'sleep', arguments: { ms: 3000 }, timeoutMs: 100 });
    expect({ status: late.status, code: late.body.code }).toEqual({ status: 504, code: 'tool_timeout' });
    const outcomes = await app.get('/logs/mcp?tool=faithful&direction=from-server&limit=500');
    const told = outcomes.body.items.map((row: { target: string; outcome: string }) => `${row.target}:${row.outcome}`);
    expect(told).toEqual(expect.arrayContaining(['fail:tool_error', 'null:rpc_error', 'sleep:timeout']));
  });

  it('hands arguments to the server whole, whatever their members are called', async () => {
    await app.post('/tools', aTool({ name: 'verbatim' }));
    await app.post('/tools/verbatim/start');
    const args = { text: 'x', constructor: 'c', toString: 't', nested: { valueOf: 1, hasOwnProperty: [null] } };
    const called = await app.post('/tools/verbatim/call', { name: 'echo', arguments: args });
    expect(called.body).toMatchObject({ result: { content: [{ text: 'Echo: x' }] } });
    const { body } = await app.get('/logs/mcp?tool=verbatim&target=echo&direction=to-server');
    expect(body.items[0].payload.params.arguments).toEqual(args);
  });

  it('leaves a tool alone that has ended as its policy wants, whatever else of it is changed', async () => {
    await app.post('/tools', aTool({ name: 'settled', restartPolicy: 'on-failure' }));
    await app.post('/tools/settled/start');
    await app.post('/tools/settled/call', { name: 'crash', arguments: { code: 0 } });
    await waitUntil(async () => (await app.get('/tools/settled/status')).body.state === 'stopped', {
      what: 'the tool to have ended',
    });
    const patched = await app.patch('/tools/settled', { description: 'still resting' });
    expect(patched.body.status).toMatchObject({ state: 'stopped', desired: 'running' });
  });

  it('F7: agrees with servers of every era', async () => {
    for (const era of ['modern', 'dual', 'mute-discover', 'exit-on-discover']) {
      await app.post('/tools', aTool({ name: `era-${era}`, flags: ['--era', era] }));
      const { status, body } = await app.post(`/tools/era-${era}/start`);
      expect({ era, status, version: body.protocolVersion, restarts: body.restarts }).toEqual({
        era,
        status: 200,
        version: era === 'modern' || era === 'dual' ? '2026-07-28' : '2025-11-25',
        restarts: 0,
      });
      const called = await app.post(`/tools/era-${era}/call`, { name: 'echo', arguments: { text: era } });
      expect(called.body.result.content[0].text).toBe(`Echo: ${era}`);
    }
  });

  it('gives a child the allowed variables and its own, and nothing of ours', async () => {
    process.env['SECRET_KEY_OF_THE_TEST'] = 'must not be inherited';
    await app.post('/tools', aTool({ name: 'environ', env: { OWN: 'its own value' } }));
    await app.post('/tools/environ/start');
    const { body } = await app.post('/tools/environ/call', { name: 'environ' });
    const text = JSON.stringify(body.result);
    for (const name of ['OWN', 'PATH', 'MCPS_INSTANCE']) expect(text).toContain(name);
    for (const name of ['DATABASE_URL', 'SECRET_KEY', 'ADMIN_PASSWORD', 'DATA_DIR']) expect(text).not.toContain(name);
  });

  it('A23: masks the secrets of a tool in records, stderr and errors', async () => {
    const canary = 'canary-9b1d-77aa';
    await app.post(
      '/tools',
      aTool({ name: 'leaky', env: { TOKEN: canary }, flags: ['--stderr', `started with ${canary}`] }),
    );
    const started = await app.post('/tools/leaky/start');
    const echoed = await app.post('/tools/leaky/call', { name: 'env', arguments: { name: 'TOKEN' } });
    expect(JSON.stringify(echoed.body.result)).toContain(canary); // who calls the tool gets its answer as it is
    const records = await app.get('/logs/mcp?tool=leaky&limit=500');
    const stderr = await app.get('/tools/leaky/stderr');
    const system = await app.get('/logs/system?limit=500');
    const refused = await app.post('/tools/leaky/call', { name: `no such tool ${canary}` });
    expect(refused.status).not.toBe(500);
    const operations = await app.get('/logs/operations?action=tool.call&limit=500');
    for (const { body } of [started, records, stderr, system, operations])
      expect(JSON.stringify(body)).not.toContain(canary);
    expect(JSON.stringify(stderr.body)).toContain('started with ***');
  });

  it('records no payloads where that is switched off', async () => {
    await app.post('/tools', aTool({ name: 'discreet', recordPayloads: false }));
    await app.post('/tools/discreet/start');
    await app.post('/tools/discreet/call', { name: 'echo', arguments: { text: 'between us' } });
    const { body } = await app.get('/logs/mcp?tool=discreet&limit=500');
    expect(body.items.length).toBeGreaterThan(4);
    expect(body.items.every((row: { payload: unknown }) => row.payload === null)).toBe(true);
  });

  it('does one action on many tools, each with its own outcome', async () => {
    for (const n of [1, 2, 3]) await app.post('/tools', aTool({ name: `many-${n}` }));
    const started = await app.post('/tools/batch', {
      action: 'start',
      tools: ['many-1', 'many-2', 'nobody', 'many-3'],
    });
    expect(started.body.items).toMatchObject([
      { tool: 'many-1', ok: true, status: { state: 'running' } },
      { tool: 'many-2', ok: true },
      { tool: 'nobody', ok: false, code: 'tool_not_found' },
      { tool: 'many-3', ok: true },
    ]);
    const disabled = await app.post('/tools/batch', { action: 'disable', tools: ['many-1'] });
    expect(disabled.body.items).toMatchObject([{ ok: true, status: { state: 'stopped' } }]);
    const deleted = await app.post('/tools/batch', { action: 'delete', tools: ['many-1', 'many-2', 'many-3'] });
    expect(deleted.body.items.every((item: { ok: boolean }) => item.ok)).toBe(true);
    const rows = await app.get('/logs/operations?action=tool.start&limit=500');
    const many = rows.body.items.find((row: any) => row.target.name === 'many-1');
    expect(many.target.id).toMatch(/^[0-9a-f-]{36}$/);
    const names = rows.body.items.map((row: { target: { name: string } }) => row.target.name);
    expect(names).toEqual(expect.arrayContaining(['many-1', 'many-2', 'many-3', 'nobody']));
  });
});
