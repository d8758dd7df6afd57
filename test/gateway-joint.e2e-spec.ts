import { join } from 'node:path';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { aKey } from './support/accounts';
import { aTool } from './support/a-tool';
import { aLegacyClient, aModernClient, aSession, modernRequest, raw, type Reach } from './support/mcp-clients';
import { waitUntil } from './support/process-tree';
import { startTestApp, type TestApp } from './support/test-app';

const CONFORMANCE = join(__dirname, 'conformance/fixture/stdio.mjs');
const TWINS = ['twin-a', 'twin-b'];

interface AnyClient {
  listTools(params?: { cursor?: string }): Promise<any>;
  listPrompts(): Promise<any>;
  listResources(): Promise<any>;
  callTool(params: { name: string; arguments: Record<string, unknown> }): Promise<any>;
  getPrompt(params: { name: string; arguments?: Record<string, string> }): Promise<any>;
  readResource(params: { uri: string }): Promise<any>;
  complete(params: any): Promise<any>;
  close(): Promise<void>;
}

const names = (entries: { name: string }[]): string[] => entries.map(({ name }) => name);

describe('all tools in one endpoint', () => {
  let app: TestApp;
  let reach: Reach;
  beforeAll(async () => {
    app = await startTestApp();
    const { key } = await aKey(app, { role: 'operator' });
    reach = { origin: app.origin, key, tool: '' };
    for (const era of ['legacy', 'modern']) await app.post('/tools', aTool({ name: era, flags: ['--era', era] }));
    const twin = { command: process.execPath, args: [CONFORMANCE, '--era', 'dual'] };
    for (const name of TWINS) await app.post('/tools', { ...aTool({ name }), ...twin });
  });
  afterAll(() => app.stop());

  const clients: Record<string, () => Promise<AnyClient>> = {
    'with a session': () => aLegacyClient(reach),
    'of 2026-07-28': () => aModernClient(reach),
  };

  describe.each(Object.keys(clients))('asked by a client %s', (kind) => {
    let client: AnyClient;
    beforeAll(async () => {
      client = await clients[kind]!();
    });
    afterAll(() => client.close());

    it('starts tools that nobody has seen yet and lists what they offer, each under the name of its tool', async () => {
      // A list waits for three seconds for tools that do not run yet, and goes on without them: a busy machine may need more.
      const { tools } = await waitUntil(
        async () => {
          const listed = await client.listTools();
          return new Set(names(listed.tools).map((name) => name.split('__')[0])).size === 4 && listed;
        },
        { what: 'all tools run' },
      );
      expect(names(tools)).toEqual(
        expect.arrayContaining(['legacy__echo', 'modern__echo', 'twin-a__test_simple_text']),
      );
      const order = [...new Set(names(tools).map((name) => name.split('__')[0]))];
      expect(order).toEqual(['legacy', 'modern', ...TWINS]);
      expect((await client.listTools()).tools).toEqual(tools);
      expect(names((await client.listPrompts()).prompts)).toEqual(
        expect.arrayContaining(['legacy__greet', 'modern__greet', 'twin-b__test_simple_prompt']),
      );
    });

    it('passes calls and prompts to the tool that they name', async () => {
      for (const tool of ['legacy', 'modern']) {
        const { content } = await client.callTool({ name: `${tool}__echo`, arguments: { text: tool } });
        expect(content).toEqual([{ type: 'text', text: `Echo: ${tool}` }]);
        const { messages } = await client.getPrompt({ name: `${tool}__greet`, arguments: { name: 'Anna' } });
        expect(messages[0].content.text).toBe('Say hello to Anna');
      }
      expect((await client.callTool({ name: 'legacy__fail', arguments: {} })).isError).toBe(true);
    });

    it('shows two resources of the same address as two, and reads each from its tool', async () => {
      const { resources } = await client.listResources();
      const twins = resources.filter(({ uri }: { uri: string }) => uri.endsWith('test://static-text'));
      expect(twins.map(({ uri }: { uri: string }) => uri)).toEqual([
        'test://static-text',
        'mcps-twin-b+test://static-text',
      ]);
      for (const { uri } of twins) {
        const { contents } = await client.readResource({ uri });
        expect(contents).toEqual([expect.objectContaining({ uri, text: expect.stringContaining('static text') })]);
      }
      const { contents } = await client.readResource({ uri: 'mcps-twin-b+test://template/7/data' });
      expect(JSON.parse(contents[0].text).id).toBe('7');
    });

    it('marks a link in a result so that it leads back to the tool it came from', async () => {
      const { content } = await client.callTool({ name: 'twin-b__test_embedded_resource', arguments: {} });
      expect(content[0].resource.uri).toBe('mcps-twin-b+test://embedded-resource');
    });

    it('completes an argument of a prompt of one tool', async () => {
      const ref = { type: 'ref/prompt', name: 'twin-a__test_prompt_with_arguments' };
      const { completion } = await client.complete({ ref, argument: { name: 'arg1', value: 'pari' } });
      expect(completion.values).toEqual(['paris']);
    });

    it('refuses names and addresses that lead nowhere', async () => {
      for (const name of ['echo', 'nobody__echo', '__', 'legacy__'])
        await expect(client.callTool({ name, arguments: {} })).rejects.toThrow(/Unknown tool/);
      await expect(client.callTool({ name: 'legacy__nothing', arguments: {} })).rejects.toThrow(/nothing/);
      await expect(client.readResource({ uri: 'nowhere://x' })).rejects.toThrow(/not found/i);
    });
  });

  it('carries questions of two servers to the client at once, though both ask under the same id', async () => {
    const asked: string[] = [];
    const client = await aLegacyClient(reach, { elicitation: {} }, (one) =>
      one.setRequestHandler(ElicitRequestSchema, async ({ params }) => {
        asked.push(params.message);
        // None is answered before both are asked.
        await waitUntil(() => asked.length === 2, { what: 'both questions' });
        return { action: 'accept', content: { response: `for ${params.message}` } };
      }),
    );
    const answers = await Promise.all(
      TWINS.map((tool) => client.callTool({ name: `${tool}__test_elicitation`, arguments: { message: tool } })),
    );
    for (const [index, tool] of TWINS.entries())
      expect(JSON.stringify(answers[index])).toContain(`\\"response\\":\\"for ${tool}\\"`);
    await client.close();
  });

  it('asks a modern client in the answer, and takes the answers of the next round to the same tool', async () => {
    const client = await aModernClient(reach, 'pinned', { capabilities: { elicitation: {} } }, (one) =>
      one.setRequestHandler('elicitation/create', () => ({ action: 'accept' as const, content: { name: 'Anna' } })),
    );
    const called = await client.callTool({ name: 'twin-b__test_input_required_result_elicitation', arguments: {} });
    expect(called.content).toEqual([{ type: 'text', text: 'Hello, Anna!' }]);
    await client.close();
  });

  it('lets a session live on when one of its servers dies', async () => {
    const client = (await aLegacyClient(reach, { elicitation: {} })) as unknown as AnyClient;
    await client.callTool({ name: 'twin-a__test_simple_text', arguments: {} });
    await expect(client.callTool({ name: 'legacy__crash', arguments: {} })).rejects.toThrow();
    expect((await client.callTool({ name: 'twin-a__test_simple_text', arguments: {} })).content).toHaveLength(1);
    expect((await client.callTool({ name: 'legacy__echo', arguments: { text: 'again' } })).content).toHaveLength(1);
    await client.close();
  });

  it('keeps subscriptions apart that two tools have for the same address', async () => {
    const headers = await aSession(reach);
    for (const uri of ['test://watched-resource', 'mcps-twin-b+test://watched-resource']) {
      for (const method of ['resources/subscribe', 'resources/unsubscribe']) {
        const { body } = await raw(reach, { jsonrpc: '2.0', id: `${method} ${uri}`, method, params: { uri } }, headers);
        expect(body).toMatchObject({ result: {} });
      }
    }
    const level = { jsonrpc: '2.0', id: 1, method: 'logging/setLevel', params: { level: 'error' } };
    expect((await raw(reach, level, headers)).body).toMatchObject({ id: 1, result: {} });
  });

  it('knows no methods that are of no one tool', async () => {
    const headers = await aSession(reach);
    const answer = await raw(reach, { jsonrpc: '2.0', id: 1, method: 'tasks/list', params: {} }, headers);
    expect(answer.body.error.code).toBe(-32601);
    const { body, headers: modern } = modernRequest(2, 'resources/subscribe', { uri: 'test://static-text' });
    expect(await raw(reach, body, modern)).toMatchObject({ status: 404, body: { error: { code: -32601 } } });
  });
});
