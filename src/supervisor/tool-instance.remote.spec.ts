import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ObservedInstance } from '../../test/support/an-instance';
import { aSupervisedTool } from '../../test/support/a-supervised-tool';
import { FakeSpawner } from '../../test/support/fake-spawner';
import { waitUntil } from '../../test/support/process-tree';
import type { RpcMessage } from '../mcp/json-rpc.types';
import type { SupervisedTool } from './supervised-tool';

const RESULT = { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 'far', version: '1' } };
const EVENTS = { 'content-type': 'text/event-stream' };

/** A legacy server over HTTP, whose moods a test can change. */
class Remote {
  readonly asked: string[] = [];
  /** Open GET streams. */
  readonly streams = new Set<ServerResponse>();
  readonly sessions = new Set<string>();
  opened = 0;
  /** Answers every POST with this status. */
  refuses: number | null = null;
  /** Never answers a POST again. */
  isSilent = false;
  private readonly server: Server;
  private port = 0;

  constructor(private readonly kind: 'streamable-http' | 'sse') {
    this.server = createServer((request, response) => void this.serve(request, response));
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(this.port, '127.0.0.1', resolve));
    this.port = (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/mcp`;
  }

  times(method: string): number {
    return this.asked.filter((one) => one === method).length;
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const part of request.setEncoding('utf8')) body += String(part);
    if (request.method === 'GET') this.openStream(response);
    else if (request.method === 'DELETE') response.writeHead(204).end();
    else this.answer(request, response, JSON.parse(body) as RpcMessage);
  }

  private openStream(response: ServerResponse): void {
    this.streams.add(response);
    response.on('close', () => this.streams.delete(response));
    response.writeHead(200, EVENTS).flushHeaders();
    if (this.kind === 'sse') response.write('event: endpoint\ndata: /messages\n\n');
  }

  private answer(request: IncomingMessage, response: ServerResponse, { id, method = '' }: RpcMessage): void {
    this.asked.push(method);
    if (this.isSilent) return;
    if (this.refuses !== null) return void response.writeHead(this.refuses).end();
    const session = request.headers['mcp-session-id'];
    if (typeof session === 'string' && !this.sessions.has(session)) return void response.writeHead(404).end();
    if (id === undefined) return void response.writeHead(202).end();
    const error = { code: -32601, message: 'Method not found' };
    const answer =
      method === 'server/discover'
        ? { jsonrpc: '2.0', id, error }
        : { jsonrpc: '2.0', id, result: method === 'initialize' ? RESULT : {} };
    if (method === 'initialize') this.opened++;
    if (this.kind === 'sse') {
      response.writeHead(202).end();
      for (const stream of this.streams) stream.write(`event: message\ndata: ${JSON.stringify(answer)}\n\n`);
      return;
    }
    const fresh = randomUUID();
    if (method === 'initialize') this.sessions.add(fresh);
    response.writeHead(200, {
      'content-type': 'application/json',
      ...(method === 'initialize' ? { 'mcp-session-id': fresh } : {}),
    });
    response.end(JSON.stringify(answer));
  }
}

const used: (ObservedInstance | Remote)[] = [];

async function connected(kind: 'streamable-http' | 'sse' = 'streamable-http', given: Partial<SupervisedTool> = {}) {
  const remote = new Remote(kind);
  await remote.listen();
  const definition = aSupervisedTool({ transport: kind, url: remote.url, command: null, args: [], ...given });
  const instance = new ObservedInstance(definition, new FakeSpawner());
  used.push(instance, remote);
  expect(await instance.start()).toBe('ready');
  const call = () =>
    instance.live!.peer!.request({ method: 'tools/call', timeoutMs: 5_000, client: 'x', sessionId: null });
  return { remote, instance, call };
}

afterEach(async () => {
  for (const one of used.splice(0)) await ('stop' in one ? one.stop() : one.close());
});

describe('F41: the life of a remote tool', () => {
  it('opens a session that the server has forgotten anew at once; the call fails and is not sent again', async () => {
    const { remote, instance, call } = await connected();
    const before = instance.phases.length;
    // By then all of the handshake has been answered.
    await waitUntil(() => remote.streams.size === 1, { what: 'the stream is open' });
    remote.sessions.clear();
    await expect(call()).rejects.toMatchObject({
      code: 'tool_connection_lost',
      extra: { reason: 'remote_session_lost' },
    });
    await waitUntil(() => instance.lifecycle.generation === 2 && instance.live, { what: 'it is back' });
    expect(instance.phases.slice(before)).toEqual(['stopping', 'starting', 'handshaking', 'running']);
    expect(instance.lifecycle).toMatchObject({ restarts: 0, lastError: null });
    expect([remote.opened, remote.times('tools/call')]).toEqual([2, 1]);
    expect(await call()).toEqual({});
  });

  it('waits before it tries once more when the server forgets the next session as well', async () => {
    const { remote, instance, call } = await connected();
    for (const generation of [1, 2]) {
      await waitUntil(() => instance.lifecycle.generation === generation && instance.live, { what: 'it is running' });
      remote.sessions.clear();
      await expect(call()).rejects.toMatchObject({ extra: { reason: 'remote_session_lost' } });
    }
    await instance.reaches('backoff');
    expect(instance.lifecycle).toMatchObject({ failures: 2, lastError: { code: 'remote_session_lost' } });
    await instance.reaches('running');
  });

  it('takes no notice of a server that closes its idle stream politely', async () => {
    const { remote, instance, call } = await connected();
    await waitUntil(() => remote.streams.size === 1, { what: 'the stream is open' });
    const { length } = instance.phases;
    for (const stream of [...remote.streams]) stream.end();
    // The SDK opens it again after a second.
    await waitUntil(() => remote.streams.size === 1, { what: 'the stream is open again' });
    expect(await call()).toEqual({});
    expect(instance.phases).toHaveLength(length);
    expect([instance.lifecycle.generation, instance.lifecycle.failures, remote.opened]).toEqual([1, 0, 1]);
  });

  it('connects anew at once when the one stream of the old transport ends, and fails the calls in flight', async () => {
    const { remote, instance, call } = await connected('sse');
    expect(await call()).toEqual({});
    remote.isSilent = true;
    const answer = call().catch((error: unknown) => error);
    await waitUntil(() => remote.times('tools/call') === 2, { what: 'the call has arrived' });
    remote.isSilent = false;
    const before = instance.phases.length;
    for (const stream of [...remote.streams]) stream.end();
    expect(await answer).toMatchObject({ code: 'tool_connection_lost' });
    await waitUntil(() => instance.lifecycle.generation === 2 && instance.live, { what: 'it is back' });
    expect(instance.phases.slice(before)).toEqual(['stopping', 'starting', 'handshaking', 'running']);
    expect([remote.times('tools/call'), instance.lifecycle.restarts]).toEqual([2, 0]);
  });

  it('tries with growing delays while the server is away, and is back when it is', async () => {
    const { remote, instance } = await connected('sse', { maxRetries: 50 });
    await remote.close();
    await instance.reaches('backoff');
    await waitUntil(() => instance.lifecycle.failures >= 3, { what: 'it has tried' });
    expect(instance.lifecycle.lastError?.code).toBe('remote_refused');
    await remote.listen();
    await instance.reaches('running');
    expect(instance.lifecycle.lastError).toBeNull();
  });

  it('has failed for good when the server refuses our credentials, and never starts again after the policy never', async () => {
    const first = await connected();
    first.remote.sessions.clear();
    first.remote.refuses = 401;
    first.instance.condemn(1, 'unresponsive', 'It does not answer');
    await first.instance.reaches('failed');
    expect(first.instance.lifecycle.lastError?.code).toBe('remote_unauthorized');
    const second = await connected('streamable-http', { restartPolicy: 'never' });
    second.remote.sessions.clear();
    await expect(second.call()).rejects.toThrow();
    await second.instance.reaches('failed');
    expect(second.remote.opened).toBe(1);
  });

  it('F42: does not answer the question whether it is there when it is silent or away; a refusal is an answer', async () => {
    const { remote, instance } = await connected();
    const { live } = instance;
    expect(await live!.ping(2_000)).toMatchObject({ is: 'answered' });
    remote.refuses = 429;
    expect(await live!.ping(2_000)).toMatchObject({ is: 'answered' });
    for (const status of [401, 502]) {
      remote.refuses = status;
      expect(await live!.ping(2_000)).toMatchObject({ is: 'missed' });
    }
    remote.refuses = null;
    remote.isSilent = true;
    expect(await live!.ping(100)).toMatchObject({ is: 'missed' });
    await remote.close();
    expect(await live!.ping(2_000)).toMatchObject({ is: 'missed', reason: expect.stringContaining('refused') });
    await remote.listen();
  });
});
