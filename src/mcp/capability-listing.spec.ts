import { FakeTransport } from '../../test/support/fake-transport';
import { listOfferings, type Offerings } from './capability-listing';
import type { RpcMessage } from './json-rpc.types';
import { McpPeer } from './mcp-peer';

class World {
  readonly transport = new FakeTransport();
  readonly peer = new McpPeer({
    transport: this.transport,
    sink: { record: () => undefined },
    tool: { id: 't1', name: 'files', recordPayloads: true },
    clientInfo: { name: 'mcps-one', version: '1.0.0' },
  });
  clock = 0;

  constructor(answer: (transport: FakeTransport, message: RpcMessage) => void) {
    this.transport.onSend = (message) => {
      if (message.id !== undefined) answer(this.transport, message);
    };
  }

  async list(capabilities: Record<string, unknown>, signal = new AbortController().signal): Promise<Offerings> {
    await this.peer.open(new AbortController().signal);
    const identity = {
      era: 'legacy' as const,
      protocolVersion: '2025-11-25',
      serverInfo: null,
      capabilities,
      instructions: null,
      supportedVersions: [],
      result: {},
    };
    return listOfferings(this.peer, identity, { timeoutMs: 1000, signal, monotonic: () => this.clock });
  }

  get asked(): unknown[] {
    return this.transport.sent.map(({ method, params }) => (params ? [method, params] : [method]));
  }
}

/** A server whose lists consist of the given pages: [items, nextCursor]. */
function pages(ofMethod: Record<string, [items: unknown[], next?: unknown][]>, member = 'tools') {
  return (transport: FakeTransport, { id, method = '' }: RpcMessage): void => {
    const [items, nextCursor] = ofMethod[method]?.shift() ?? [[]];
    transport.result(id, { [member]: items, nextCursor });
  };
}

describe('listOfferings', () => {
  it('asks only for what the server declares', async () => {
    const world = new World(pages({ 'prompts/list': [[[{ name: 'p' }]]] }, 'prompts'));
    await expect(world.list({ prompts: {}, logging: {} })).resolves.toEqual({
      tools: [],
      resources: [],
      resourceTemplates: [],
      prompts: [{ name: 'p' }],
    });
    expect(world.asked).toEqual([['prompts/list']]);
  });

  it('follows every page, an empty cursor too, and keeps the items as they are', async () => {
    const world = new World(pages({ 'tools/list': [[[{ name: 'a', x: 1 }], ''], [['odd'], 'c2'], [[{ name: 'c' }]]] }));
    await expect(world.list({ tools: {} })).resolves.toMatchObject({
      tools: [{ name: 'a', x: 1 }, 'odd', { name: 'c' }],
    });
    expect(world.asked).toEqual([['tools/list'], ['tools/list', { cursor: '' }], ['tools/list', { cursor: 'c2' }]]);
  });

  it('takes a null cursor for the last page', async () => {
    const world = new World(pages({ 'tools/list': [[[1], null]] }));
    await expect(world.list({ tools: {} })).resolves.toMatchObject({ tools: [1] });
  });

  it('tolerates resources without templates, and passes every other error on', async () => {
    const server =
      (code: number) =>
      (transport: FakeTransport, { id, method }: RpcMessage): void => {
        if (method === 'resources/list') transport.result(id, { resources: [{ uri: 'a:b' }] });
        else transport.error(id, code, 'no');
      };
    await expect(new World(server(-32601)).list({ resources: {} })).resolves.toMatchObject({
      resources: [{ uri: 'a:b' }],
      resourceTemplates: [],
    });
    await expect(new World(server(-32603)).list({ resources: {} })).rejects.toMatchObject({ code: 'tool_rpc_error' });
    await expect(new World(server(-32601)).list({ prompts: {} })).rejects.toMatchObject({ code: 'tool_rpc_error' });
  });

  it('ends with a clear error when the server repeats a cursor', async () => {
    const world = new World(
      pages({
        'tools/list': [
          [[1], 'a'],
          [[2], 'b'],
          [[3], 'a'],
        ],
      }),
    );
    await expect(world.list({ tools: {} })).rejects.toMatchObject({
      code: 'listing_invalid',
      message: 'tools/list goes in circles: the server repeated a nextCursor',
    });
  });

  it('ends with a clear error after 1000 pages', async () => {
    let page = 0;
    const world = new World((transport, { id }) =>
      transport.result(id, { tools: [], nextCursor: String((page += 1)) }),
    );
    await expect(world.list({ tools: {} })).rejects.toMatchObject({ message: 'tools/list has more than 1000 pages' });
    expect(world.transport.sent).toHaveLength(1000);
  });

  it.each([
    [null, 'holds no "tools" array'],
    [{ tools: {} }, 'holds no "tools" array'],
    [{ tools: [], nextCursor: 7 }, 'holds a nextCursor that is no string'],
  ])('ends with a clear error on the result %j', async (result, message) => {
    const world = new World((transport, { id }) => transport.result(id, result));
    await expect(world.list({ tools: {} })).rejects.toMatchObject({ message: `The answer to tools/list ${message}` });
  });

  it('has one time limit for all pages together', async () => {
    let page = 0;
    const world: World = new World((transport, { id }) => {
      world.clock += 400;
      transport.result(id, { tools: [], nextCursor: String((page += 1)) });
    });
    await expect(world.list({ tools: {} })).rejects.toMatchObject({ code: 'tool_timeout' });
    expect(world.transport.sent).toHaveLength(3);
  });

  it('stops when it is aborted', async () => {
    const controller = new AbortController();
    const world = new World(() => controller.abort());
    await expect(world.list({ tools: {} }, controller.signal)).rejects.toMatchObject({ code: 'call_cancelled' });
  });
});
