import { aKey } from './support/accounts';
import { aTool } from './support/a-tool';
import { aLegacyClient, aModernClient, anSseClient, type Reach } from './support/mcp-clients';
import { startTestApp, type TestApp } from './support/test-app';

const ERAS = ['legacy', 'modern', 'dual'];

/** What every client must be able to do, whatever the server speaks. */
interface AnyClient {
  callTool(params: { name: string; arguments: Record<string, unknown> }): Promise<any>;
  listTools(): Promise<any>;
  readResource(params: { uri: string }): Promise<any>;
  getPrompt(params: { name: string; arguments?: Record<string, string> }): Promise<any>;
  close(): Promise<void>;
}

describe('the gateway, asked by real clients', () => {
  let app: TestApp;
  let key: string;
  beforeAll(async () => {
    app = await startTestApp();
    ({ key } = await aKey(app, { role: 'operator' }));
    for (const era of ERAS) await app.post('/tools', aTool({ name: era, flags: ['--era', era], timeoutMs: 20_000 }));
  });
  afterAll(() => app.stop());

  const reach = (tool: string): Reach => ({ origin: app.origin, key, tool });
  const clients: Record<string, (tool: string) => Promise<AnyClient>> = {
    'Streamable HTTP with sessions': (tool) => aLegacyClient(reach(tool)) as Promise<AnyClient>,
    'HTTP+SSE': (tool) => anSseClient(reach(tool)) as Promise<AnyClient>,
    '2026-07-28, pinned': (tool) => aModernClient(reach(tool)) as Promise<AnyClient>,
    '2026-07-28, auto': (tool) => aModernClient(reach(tool), 'auto') as Promise<AnyClient>,
  };
  const pairs = Object.keys(clients).flatMap((name) => ERAS.map((era) => ({ name, era })));

  it.each(pairs)('lets a client of $name use a server of era $era', async ({ name, era }) => {
    const client = await clients[name]!(era);
    const { tools } = await client.listTools();
    expect(tools.map((tool: { name: string }) => tool.name)).toContain('echo');
    const called = await client.callTool({ name: 'echo', arguments: { text: `${name} ${era}` } });
    expect(called.content).toEqual([{ type: 'text', text: `Echo: ${name} ${era}` }]);
    const failed = await client.callTool({ name: 'fail', arguments: {} });
    expect(failed.isError).toBe(true);
    const { contents } = await client.readResource({ uri: 'fixture://note/1' });
    expect(contents[0].text).toBe('This is note/1');
    const { messages } = await client.getPrompt({ name: 'greet', arguments: { name: 'Anna' } });
    expect(messages[0].content.text).toBe('Say hello to Anna');
    await expect(client.readResource({ uri: 'fixture://nowhere' })).rejects.toThrow(/not found/i);
    await client.close();
  });

  it.each(ERAS)('passes progress on to a client with a session, of a server of era %s', async (era) => {
    const client = await aLegacyClient(reach(era));
    const steps: number[] = [];
    await client.callTool({ name: 'sleep', arguments: { ms: 100 } }, undefined, {
      onprogress: ({ progress }) => void steps.push(progress),
    });
    expect(steps.length).toBe(10);
    await client.close();
  });

  it.each(ERAS)('passes progress on to a modern client, of a server of era %s', async (era) => {
    const client = await aModernClient(reach(era));
    const steps: number[] = [];
    await client.callTool(
      { name: 'sleep', arguments: { ms: 100 } },
      { onprogress: ({ progress }: { progress: number }) => void steps.push(progress) },
    );
    expect(steps.length).toBe(10);
    await client.close();
  });

  it('records every message with the session and the name of its client', async () => {
    const client = await aLegacyClient(reach('legacy'));
    await client.callTool({ name: 'echo', arguments: { text: 'to be recorded' } });
    const sessionId = (client.transport as unknown as { sessionId: string }).sessionId;
    const { body } = await app.get(`/logs/mcp?sessionId=${sessionId}&order=asc`);
    const seen = body.items.map((row: any) => [row.direction, row.kind, row.method, row.client, row.outcome]);
    expect(seen).toEqual([
      ['to-server', 'request', 'initialize', 'test-client', null],
      ['from-server', 'response', 'initialize', 'test-client', 'ok'],
      ['to-server', 'request', 'tools/call', 'test-client', null],
      ['from-server', 'response', 'tools/call', 'test-client', 'ok'],
    ]);
    await client.close();
  });
});
