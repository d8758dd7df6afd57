import { join } from 'node:path';
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import type { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { SupervisorService } from '../src/supervisor/supervisor.service';
import { aKey } from './support/accounts';
import { aLegacyClient, aModernClient, aSession, modernRequest, raw, type Reach } from './support/mcp-clients';
import { waitUntil } from './support/process-tree';
import { startTestApp, type TestApp } from './support/test-app';

const FIXTURE = join(__dirname, 'conformance', 'fixture', 'stdio.mjs');
const ALL = { sampling: {}, elicitation: { form: {} }, roots: {} };
const ASK = { name: 'test_elicitation', arguments: { message: 'Who are you?' } };

/** Answers whatever it is asked, in the name of one user. */
const answering = (username: string) => (client: LegacyClient) => {
  client.setRequestHandler(ElicitRequestSchema, () => ({
    action: 'accept' as const,
    content: { username, email: `${username}@example.com` },
  }));
  client.setRequestHandler(CreateMessageRequestSchema, ({ params }) => {
    const text = JSON.stringify(params.messages[0]?.content);
    return {
      role: 'assistant' as const,
      model: 'none',
      content: { type: 'text' as const, text: `${username}: ${text}` },
    };
  });
  client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: `file:///home/${username}` }] }));
};

describe('what servers ask of clients', () => {
  let app: TestApp;
  let key: string;
  beforeAll(async () => {
    app = await startTestApp();
    ({ key } = await aKey(app, { role: 'operator' }));
    for (const era of ['legacy', 'dual']) {
      const definition = { command: process.execPath, args: [FIXTURE, '--era', era], timeoutMs: 20_000 };
      await app.post('/tools', { name: era, ...definition });
      await app.post('/tools', { name: `few-${era}`, ...definition });
    }
  });
  afterAll(() => app.stop());

  const reach = (tool: string): Reach => ({ origin: app.origin, key, tool });
  const processesOf = (name: string): number =>
    app.nest
      .get(SupervisorService)
      .liveProcesses()
      .filter((process) => process.name === name).length;

  it.each(['legacy', 'dual'])('reaches the one client it is asked of, of a server of era %s', async (era) => {
    const names = ['anna', 'bert', 'carl'];
    const clients = await Promise.all(names.map((name) => aLegacyClient(reach(era), ALL, answering(name))));
    const answers = await Promise.all(clients.map((client) => client.callTool(ASK)));
    for (const [index, { content }] of answers.entries()) expect(JSON.stringify(content)).toContain(names[index]);
    const sampled = await clients[1]!.callTool({ name: 'test_sampling', arguments: { prompt: 'Say hi' } });
    expect(JSON.stringify(sampled.content)).toContain('bert');
    // Each of them has a server for itself, beside the shared one; it ends with the session.
    expect(processesOf(era)).toBe(names.length + 1);
    const transports = clients.map((client) => client.transport as unknown as { terminateSession(): Promise<void> });
    await Promise.all(transports.map((transport) => transport.terminateSession()));
    await Promise.all(clients.map((client) => client.close()));
    await waitUntil(() => processesOf(era) === 1, { what: 'their servers have ended' });
  });

  it('reaches a modern client as input_required, of a server that knows nothing of that', async () => {
    const client = await aModernClient(reach('legacy'), 'pinned', { capabilities: ALL }, (made) => {
      made.setRequestHandler('elicitation/create', () => ({
        action: 'accept' as const,
        content: { username: 'dora', email: 'dora@example.com' },
      }));
    });
    const { content } = await client.callTool(ASK);
    expect(JSON.stringify(content)).toContain('dora');
    await client.close();
  });

  describe('between two rounds of a modern client', () => {
    const META = { 'io.modelcontextprotocol/clientCapabilities': ALL };
    const ask = (by: Reach, more: Record<string, unknown> = {}, call: object = ASK) => {
      const { body, headers } = modernRequest(1, 'tools/call', { ...call, ...more }, META);
      return raw(by, body, headers);
    };
    const answerTo = (first: { body: any }) => {
      const { inputRequests, requestState } = first.body.result;
      const [name] = Object.keys(inputRequests);
      const response = { action: 'accept', content: { username: 'emil', email: 'emil@example.com' } };
      return { requestState, inputResponses: { [name!]: response } };
    };

    it('holds the call open, and goes on with it once and for its own client alone', async () => {
      const first = await ask(reach('legacy'));
      expect(first.body.result).toMatchObject({ resultType: 'input_required' });
      const answer = answerTo(first);
      const stranger = await aKey(app, { role: 'admin' });
      const tampered = `${answer.requestState.slice(0, -4)}AAAA`;
      const refusals = [
        await ask({ ...reach('legacy'), key: stranger.key }, answer),
        await ask(reach('few-legacy'), answer),
        await ask(reach('legacy'), { ...answer, requestState: tampered }),
        await ask(reach('legacy'), answer, { ...ASK, arguments: { message: 'Something else' } }),
      ];
      for (const { body } of refusals) expect(body.error?.code).toBe(-32602);
      const last = await ask(reach('legacy'), answer);
      expect(JSON.stringify(last.body.result.content)).toContain('emil');
      expect(last.body.result.resultType).toBe('complete');
      expect((await ask(reach('legacy'), answer)).body.error.code).toBe(-32602);
    });

    it('asks again for what was not answered', async () => {
      const first = await ask(reach('legacy'));
      const { requestState } = first.body.result;
      const second = await ask(reach('legacy'), { requestState, inputResponses: {} });
      expect(second.body.result.inputRequests).toEqual(first.body.result.inputRequests);
      const last = await ask(reach('legacy'), answerTo(second));
      expect(last.body.result.resultType).toBe('complete');
    });
  });

  it('has a limit for servers of single sessions, and says so', async () => {
    const limited = await startTestApp({ env: { GATEWAY_SERVERS_PER_TOOL: '1' } });
    const { key: own } = await aKey(limited, { role: 'operator' });
    await limited.post('/tools', { name: 'few', command: process.execPath, args: [FIXTURE, '--era', 'legacy'] });
    const few = { origin: limited.origin, key: own, tool: 'few' };
    await aSession(few, ALL);
    await expect(aSession(few, ALL)).rejects.toThrow('too_many_servers');
    await aSession(few);
    await limited.stop();
  });
});
