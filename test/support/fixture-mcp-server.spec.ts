import { ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { groupMembers, livingProcesses, openFileDescriptors, waitUntil } from './process-tree';

const PROGRAM = join(__dirname, 'fixture-mcp-server.mjs');
const ENVELOPE = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
};

/** What a peer sent: untyped on purpose, the assertions check it. */
type Json = ReturnType<typeof JSON.parse>;

/** A bare client: writes lines, collects lines. */
class FixtureProcess {
  readonly child: ChildProcessWithoutNullStreams;
  readonly lines: string[] = [];
  private lastId = 0;

  constructor(flags: string[] = [], env: Record<string, string> = {}) {
    this.child = spawn(process.execPath, [PROGRAM, ...flags], {
      detached: true,
      env: { PATH: process.env.PATH, ...env },
    });
    // Some of them end before they have read: what they then say about the pipe is no failure.
    this.child.stdin.on('error', () => undefined);
    createInterface(this.child.stdout).on('line', (line) => this.lines.push(line));
  }

  get pid(): number {
    return this.child.pid!;
  }

  get messages(): Json[] {
    return this.lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
  }

  send(message: Json): void {
    this.child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  }

  start(method: string, params: Json = {}): number {
    this.lastId += 1;
    this.send({ id: this.lastId, method, params });
    return this.lastId;
  }

  async request(method: string, params: Json = {}): Promise<Json> {
    const id = this.start(method, params);
    return await this.message(`the answer to ${method} came`, (message) => message.id === id && !message.method);
  }

  async call(name: string, args: Json = {}): Promise<Json> {
    return (await this.request('tools/call', { name, arguments: args })).result;
  }

  async message(what: string, matches: (message: Json) => boolean): Promise<Json> {
    return (await waitUntil(() => this.messages.find(matches), { what }))!;
  }

  async initialize(): Promise<Json> {
    const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'spec', version: '1' } };
    const answer = await this.request('initialize', params);
    this.send({ method: 'notifications/initialized' });
    return answer.result;
  }

  async ended(): Promise<number | string> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit');
    return this.child.exitCode ?? this.child.signalCode!;
  }
}

describe('the fixture server over stdio', () => {
  const started: FixtureProcess[] = [];

  function start(flags: string[] = [], env: Record<string, string> = {}): FixtureProcess {
    const fixture = new FixtureProcess(flags, env);
    started.push(fixture);
    return fixture;
  }

  afterEach(async () => {
    for (const fixture of started.splice(0)) {
      if (groupMembers(fixture.pid).length > 0) process.kill(-fixture.pid, 'SIGKILL');
      await waitUntil(() => groupMembers(fixture.pid).length === 0, { what: 'the group is gone' });
    }
  });

  it('agrees on the version asked for, echoes, and ends with its stdin', async () => {
    const fixture = start();
    expect(await fixture.initialize()).toMatchObject({
      protocolVersion: '2025-06-18',
      serverInfo: { name: 'fixture-server' },
      instructions: expect.any(String),
    });
    expect(await fixture.call('echo', { text: 'hé\u2028llo' })).toEqual({
      content: [{ type: 'text', text: 'Echo: hé\u2028llo' }],
    });
    fixture.child.stdin.end();
    expect(await fixture.ended()).toBe(0);
  });

  it('answers what every tool of it promises', async () => {
    const fixture = start([], { SPEC_VARIABLE: 'seen' });
    await fixture.initialize();
    const textOf = async (name: string, args: Json = {}) => (await fixture.call(name, args)).content[0].text;
    expect(await textOf('add', { a: 2, b: 0.5 })).toBe('2.5');
    expect(await textOf('env', { name: 'SPEC_VARIABLE' })).toBe('seen');
    expect(JSON.parse(await textOf('environ'))).toEqual(expect.arrayContaining(['PATH', 'SPEC_VARIABLE']));
    expect(await textOf('pid')).toBe(String(fixture.pid));
    expect(await textOf('blob', { bytes: 1_000_000 })).toHaveLength(1_000_000);
    expect(await fixture.call('fail')).toMatchObject({ isError: true });
    expect(await fixture.call('echo')).toMatchObject({ isError: true });
    expect(await fixture.request('tools/call', { name: 'nothing' })).toMatchObject({ error: { code: -32602 } });
  });

  it('pages through tools, resources and prompts', async () => {
    const fixture = start(['--page-size', '2', '--tools', '3']);
    await fixture.initialize();
    for (const [list, expected] of Object.entries({ tools: 14, resources: 4, prompts: 3 })) {
      const names: string[] = [];
      let cursor: string | undefined;
      do {
        const { result }: Json = await fixture.request(`${list}/list`, cursor === undefined ? {} : { cursor });
        expect(result[list].length).toBeLessThanOrEqual(2);
        names.push(...result[list].map((entry: Json) => entry.name));
        cursor = result.nextCursor;
      } while (cursor !== undefined);
      expect(new Set(names).size).toBe(expected);
    }
    expect(await fixture.request('tools/list', { cursor: 'made up' })).toMatchObject({ error: { code: -32602 } });
    expect(await fixture.call('extra-3')).toMatchObject({ content: [{ text: 'extra-3 was called' }] });
  });

  it('reads resources and fills prompts', async () => {
    const fixture = start();
    await fixture.initialize();
    expect(await fixture.request('resources/read', { uri: 'fixture://note/1' })).toMatchObject({
      result: { contents: [{ uri: 'fixture://note/1', text: 'This is note/1' }] },
    });
    expect(await fixture.request('resources/read', { uri: 'fixture://none' })).toMatchObject({
      error: { code: -32002 },
    });
    expect(await fixture.request('prompts/get', { name: 'greet', arguments: { name: 'Ada' } })).toMatchObject({
      result: { messages: [{ content: { text: 'Say hello to Ada' } }] },
    });
  });

  it('tells progress with the token it was given, and the list that changed', async () => {
    const fixture = start();
    await fixture.initialize();
    await fixture.request('tools/call', { name: 'sleep', arguments: { ms: 20 }, _meta: { progressToken: 7 } });
    const progress = fixture.messages.filter((message) => message.method === 'notifications/progress');
    expect(progress).toHaveLength(10);
    expect(progress.at(-1)!.params).toEqual({ progressToken: 7, progress: 20, total: 20 });
    await fixture.call('change-list', { what: 'prompts' });
    await fixture.message('the list change was told', (one) => one.method === 'notifications/prompts/list_changed');
  });

  it('never answers a call that was cancelled', async () => {
    const fixture = start();
    await fixture.initialize();
    const id = fixture.start('tools/call', { name: 'sleep', arguments: { ms: 50 } });
    fixture.send({ method: 'notifications/cancelled', params: { requestId: id } });
    await fixture.call('sleep', { ms: 100 });
    expect(fixture.messages.some((message) => message.id === id)).toBe(false);
  });

  it('waits for the answer to its own ping', async () => {
    const fixture = start();
    await fixture.initialize();
    const id = fixture.start('tools/call', { name: 'ask-ping' });
    const ping = await fixture.message('a ping came', (message) => message.method === 'ping');
    expect(fixture.messages.some((message) => message.id === id)).toBe(false);
    fixture.send({ id: ping.id, result: {} });
    await fixture.message('the call was answered', (message) => message.id === id);
  });

  it('speaks the modern revision, with its envelope, and tells a legacy client what it supports', async () => {
    const fixture = start(['--era', 'modern']);
    expect(await fixture.request('initialize', { protocolVersion: '2025-11-25' })).toMatchObject({
      error: { code: -32022, data: { supported: ['2026-07-28'], requested: '2025-11-25' } },
    });
    expect(await fixture.request('tools/list')).toMatchObject({ error: { code: -32602 } });
    expect(await fixture.request('server/discover', { _meta: ENVELOPE })).toMatchObject({
      result: { resultType: 'complete', supportedVersions: ['2026-07-28'], ttlMs: 0, cacheScope: 'private' },
    });
    expect(await fixture.request('ping', { _meta: ENVELOPE })).toMatchObject({ error: { code: -32601 } });
    const call = { name: 'echo', arguments: { text: 'hi' }, _meta: ENVELOPE };
    expect((await fixture.request('tools/call', call)).result).toMatchObject({
      resultType: 'complete',
      content: [{ text: 'Echo: hi' }],
      _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'fixture-server' } },
    });
  });

  it('tells modern subscribers what they asked for and nothing else', async () => {
    const fixture = start(['--era', 'dual']);
    const id = fixture.start('subscriptions/listen', { notifications: { toolsListChanged: true }, _meta: ENVELOPE });
    const acknowledged = await fixture.message('it is acknowledged', (one) => one.method?.endsWith('/acknowledged'));
    expect(acknowledged.params.notifications).toEqual({ toolsListChanged: true });
    for (const what of ['prompts', 'tools']) {
      await fixture.request('tools/call', { name: 'change-list', arguments: { what }, _meta: ENVELOPE });
    }
    const changes = fixture.messages.filter((message) => message.method?.endsWith('/list_changed'));
    expect(changes.map((change) => [change.method, change.params._meta])).toEqual([
      ['notifications/tools/list_changed', { 'io.modelcontextprotocol/subscriptionId': id }],
    ]);
  });

  it('is a legacy server to the probe in each of the three ways', async () => {
    expect(await start().request('server/discover', { _meta: ENVELOPE })).toMatchObject({ error: { code: -32601 } });

    const leaving = start(['--era', 'exit-on-discover']);
    leaving.start('server/discover', { _meta: ENVELOPE });
    expect(await leaving.ended()).toBe(1);

    const mute = start(['--era', 'mute-discover']);
    mute.start('server/discover', { _meta: ENVELOPE });
    await mute.initialize();
    expect(mute.messages).toHaveLength(1);
  });

  it('fails its start as told', async () => {
    const exiting = start(['--exit', '7', '--stderr', 'about to go']);
    let stderr = '';
    exiting.child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    await once(exiting.child, 'close');
    expect([exiting.child.exitCode, stderr]).toEqual([7, expect.stringMatching(/^about to go\n.+7\n$/)]);

    expect(await start(['--bad-version', '1999-01-01']).initialize()).toMatchObject({ protocolVersion: '1999-01-01' });
    expect(await start(['--init-error']).request('initialize')).toMatchObject({ error: { code: -32603 } });

    const dying = start(['--die-after-init', '0']);
    await dying.initialize();
    expect(await dying.ended()).toBe(1);
  });

  it('dies in the middle of a call when told to crash', async () => {
    const fixture = start();
    await fixture.initialize();
    fixture.start('tools/call', { name: 'crash', arguments: { code: 3 } });
    expect(await fixture.ended()).toBe(3);
    expect(fixture.messages).toHaveLength(1);
  });

  it('says nothing that is MCP when told not to, and still ends with its stdin', async () => {
    for (const flag of ['--hang', '--not-mcp']) {
      const fixture = start([flag]);
      fixture.start('initialize');
      fixture.child.stdin.end();
      expect(await fixture.ended()).toBe(0);
      expect(fixture.messages).toEqual([]);
    }
  });

  it('mixes log lines into its messages when told to make noise', async () => {
    const fixture = start(['--noise']);
    await fixture.initialize();
    await waitUntil(() => fixture.lines.length === 3, { what: 'both log lines came' });
    expect(fixture.messages).toHaveLength(1);
  });

  it('leaves a grandchild that only a kill of the whole group ends', async () => {
    const marker = `SPEC_MARKER=${process.pid}-${Date.now()}`;
    const fixture = start(['--fork', '--ignore-eof', '--ignore-term'], { SPEC_MARKER: marker.split('=')[1]! });
    await fixture.initialize();
    const grandchild = () => groupMembers(fixture.pid).filter((pid) => pid !== fixture.pid);
    // TERM is ignored for certain by the time that the shell has become `sleep`.
    await waitUntil(() => readFileSync(`/proc/${grandchild()[0]}/comm`, 'utf8') === 'sleep\n', {
      what: 'the grandchild sleeps',
    });
    expect(livingProcesses(marker).sort()).toEqual([fixture.pid, ...grandchild()].sort());

    process.kill(-fixture.pid, 'SIGTERM');
    await fixture.call('echo', { text: 'still here' });
    fixture.child.stdin.end();
    expect(groupMembers(fixture.pid)).toHaveLength(2);

    process.kill(fixture.pid, 'SIGKILL');
    expect(await fixture.ended()).toBe('SIGKILL');
    expect(groupMembers(fixture.pid)).toHaveLength(1);
    process.kill(-fixture.pid, 'SIGKILL');
    await waitUntil(() => livingProcesses(marker).length === 0, { what: 'everything is gone' });
  });
});

describe('open file descriptors', () => {
  it('are seen while they are open', () => {
    const fd = openSync(PROGRAM, 'r');
    expect(openFileDescriptors()).toContain(PROGRAM);
    closeSync(fd);
    expect(openFileDescriptors(process.pid)).not.toContain(PROGRAM);
  });
});

describe('waiting', () => {
  it('gives back what the condition found', async () => {
    let polls = 0;
    const found = await waitUntil(() => (polls += 1) === 3 && 'third', { what: 'three polls' });
    expect(found).toBe('third');
  });

  it('tells what it waited for and the last failure', async () => {
    const condition = () => Promise.reject(new Error('not there'));
    const waiting = waitUntil(condition, { timeoutMs: 30, what: 'the file exists' });
    await expect(waiting).rejects.toThrow(
      'Waited 30 ms in vain until the file exists (the last attempt threw: not there)',
    );
  });
});
