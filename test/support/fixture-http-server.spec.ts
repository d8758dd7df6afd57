import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { waitUntil } from './process-tree';

const PROGRAM = join(__dirname, 'fixture-http-server.mjs');
const ENVELOPE = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
};

describe('the fixture server over HTTP', () => {
  let child: ChildProcess;
  const clients: Client[] = [];

  async function start(...flags: string[]): Promise<string> {
    child = spawn(process.execPath, [PROGRAM, ...flags], { stdio: ['pipe', 'pipe', 'inherit'] });
    const [line] = (await once(createInterface(child.stdout!), 'line')) as [string];
    return `http://127.0.0.1:${line.replace('listening ', '')}`;
  }

  async function connect(transport: StreamableHTTPClientTransport): Promise<Client> {
    const client = new Client({ name: 'spec', version: '1' });
    clients.push(client);
    await client.connect(transport);
    return client;
  }

  function post(url: string, body: object, headers: Record<string, string> = {}): Promise<Response> {
    const accept = 'application/json, text/event-stream';
    const message = JSON.stringify({ jsonrpc: '2.0', id: 1, ...body });
    const all = { 'content-type': 'application/json', accept, ...headers };
    return fetch(url, { method: 'POST', body: message, headers: all, signal: AbortSignal.timeout(5_000) });
  }

  /** The data of the events of the old transport, one by one. The SDK's client for it is deprecated. */
  async function openOldStream(url: string): Promise<{ next(): Promise<string>; close(): Promise<void> }> {
    const response = await fetch(`${url}/sse`, { signal: AbortSignal.timeout(5_000) });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    const next = async (): Promise<string> => {
      while (!text.includes('\n\n')) text += (await reader.read()).value ?? '';
      const event = text.slice(0, text.indexOf('\n\n'));
      text = text.slice(event.length + 2);
      return event.slice(event.indexOf('data: ') + 'data: '.length);
    };
    return { next, close: () => reader.cancel() };
  }

  afterEach(async () => {
    for (const client of clients.splice(0)) await client.close();
    if (child.exitCode === null && child.signalCode === null) {
      child.stdin!.end();
      await once(child, 'exit');
    }
    expect(child.exitCode).toBe(0);
  });

  it.each(['sse', 'json'])('serves sessions to the SDK client with %s answers', async (answers) => {
    const url = new URL('/mcp', await start('--answers', answers));
    const transport = new StreamableHTTPClientTransport(url);
    const client = await connect(transport);
    const result = await client.callTool({ name: 'echo', arguments: { text: 'hi' } });
    expect(result.content).toEqual([{ type: 'text', text: 'Echo: hi' }]);

    const headers = { 'mcp-session-id': transport.sessionId! };
    await transport.terminateSession();
    expect((await post(url.href, { method: 'ping' }, headers)).status).toBe(404);
    expect((await post(url.href, { method: 'ping' })).status).toBe(400);
  });

  it('sends progress and its own requests on the stream of the call, and list changes on that of the GET', async () => {
    const transport = new StreamableHTTPClientTransport(new URL('/mcp', await start()));
    const client = await connect(transport);
    const changed = new Promise((resolve) => client.setNotificationHandler(ToolListChangedNotificationSchema, resolve));
    const steps: number[] = [];
    const onprogress = ({ progress }: { progress: number }) => void steps.push(progress);
    await client.callTool({ name: 'sleep', arguments: { ms: 100 } }, undefined, { onprogress });
    expect(steps).toHaveLength(10);
    expect(await client.callTool({ name: 'ask-ping' })).toMatchObject({ content: [{ text: 'Pong' }] });
    await client.callTool({ name: 'change-list' });
    await changed;
  });

  it('serves the old transport: one stream for all that it sends, another address for what it gets', async () => {
    const url = await start('--transport', 'sse');
    expect((await post(`${url}/mcp`, { method: 'ping' })).status).toBe(404);
    expect((await post(`${url}/sse`, { method: 'ping' })).status).toBe(405);

    const stream = await openOldStream(url);
    const endpoint = `${url}${await stream.next()}`;
    expect((await post(endpoint, { method: 'tools/call', params: { name: 'ask-ping' } })).status).toBe(202);
    const ping = JSON.parse(await stream.next());
    expect(ping.method).toBe('ping');
    await post(endpoint, { id: ping.id, result: {} });
    expect(JSON.parse(await stream.next())).toMatchObject({ id: 1, result: { content: [{ text: 'Pong' }] } });
    await stream.close();
    // The server learns of the hang-up by its socket, in its own time.
    await waitUntil(async () => (await post(endpoint, { method: 'ping' })).status === 404, {
      what: 'the session has ended',
    });
  });

  it('answers 401 without the header it was told to require', async () => {
    const url = new URL('/mcp', await start('--require-header', 'Authorization=Bearer a=b'));
    const refused = await post(url.href, { method: 'initialize' });
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, expect.stringContaining('Bearer')]);
    const requestInit = { headers: { authorization: 'Bearer a=b' } };
    await (await connect(new StreamableHTTPClientTransport(url, { requestInit }))).ping();
  });

  it('serves modern exchanges without a session', async () => {
    const url = `${await start('--era', 'modern', '--answers', 'json')}/mcp`;
    const modern = (method: string, headers: Record<string, string> = {}, params: object = {}) =>
      post(url, { method, params: { ...params, _meta: ENVELOPE } }, { 'mcp-method': method, ...headers });
    const version = { 'mcp-protocol-version': '2026-07-28' };

    const discovered = await modern('server/discover', version);
    expect(discovered.headers.has('mcp-session-id')).toBe(false);
    expect(await discovered.json()).toMatchObject({ result: { supportedVersions: ['2026-07-28'] } });

    const called = { name: 'echo', arguments: { text: 'hi' } };
    const answer = await modern('tools/call', { ...version, 'mcp-name': 'echo' }, called);
    expect(await answer.json()).toMatchObject({ result: { resultType: 'complete', content: [{ text: 'Echo: hi' }] } });

    const mismatch = await modern('tools/call', { ...version, 'mcp-name': 'add' }, called);
    expect([mismatch.status, await mismatch.json()]).toMatchObject([400, { error: { code: -32020 } }]);
    expect((await modern('ping', version)).status).toBe(404);
    const legacy = await post(url, { method: 'initialize', params: { protocolVersion: '2025-11-25' } });
    expect([legacy.status, await legacy.json()]).toMatchObject([400, { error: { code: -32022 } }]);
    expect((await fetch(url)).status).toBe(405);
  });

  it('serves both eras on one address', async () => {
    const url = new URL('/mcp', await start('--era', 'dual'));
    const client = await connect(new StreamableHTTPClientTransport(url));
    expect((await client.listPrompts()).prompts).toHaveLength(3);
    const headers = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'server/discover' };
    const discovered = await post(url.href, { method: 'server/discover', params: { _meta: ENVELOPE } }, headers);
    expect(await discovered.text()).toContain('"supportedVersions":["2026-07-28"]');
  });

  it('ends on SIGTERM under open streams', async () => {
    const stream = await openOldStream(await start());
    await stream.next();
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    await stream.close().catch(() => undefined);
  });
});
