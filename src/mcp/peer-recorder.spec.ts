import { FakeTransport } from '../../test/support/fake-transport';
import { CLIENT_INFO, Ending, PeerWorld } from '../../test/support/peer-world';
import { McpPeer } from './mcp-peer';
import type { PeerCall } from './peer.types';

describe('the record of what passes a peer', () => {
  let world: PeerWorld;
  beforeEach(async () => {
    world = await new PeerWorld().open();
  });
  afterEach(() => world.transport.end({ code: 'test', message: 'the test is over' }));

  it('holds both directions with method, target, outcome, duration and exact text', () => {
    world.peer.send(world.call('tools/call', { name: 'read', text: 'ä' }), new Ending());
    world.clock += 25;
    world.transport.result(1, { content: [], isError: true });
    const sent = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read","text":"ä"}}';
    const got = '{"jsonrpc":"2.0","id":1,"result":{"content":[],"isError":true}}';
    const common = {
      toolId: 't1',
      toolName: 'files',
      sessionId: 's1',
      client: 'claude',
      method: 'tools/call',
      target: 'read',
      rpcId: 1,
    };
    expect(world.records).toEqual([
      {
        ...common,
        at: 1000,
        direction: 'to-server',
        kind: 'request',
        outcome: null,
        durationMs: null,
        sizeBytes: Buffer.byteLength(sent),
        payload: sent,
      },
      {
        ...common,
        at: 1025,
        direction: 'from-server',
        kind: 'response',
        outcome: 'tool_error',
        durationMs: 25,
        sizeBytes: got.length,
        payload: got,
      },
    ]);
  });

  it.each([
    ['prompts/get', { name: 'p' }, 'p'],
    ['resources/read', { uri: 'file:///a' }, 'file:///a'],
    ['resources/subscribe', { uri: 'file:///b' }, 'file:///b'],
    ['tools/list', { name: 'not a target' }, null],
    ['tools/call', { name: 7 }, null],
  ])('names the target of %s', (method, params, target) => {
    world.peer.send(world.call(method, params), new Ending());
    expect(world.last?.target).toBe(target);
  });

  it('tells ok from an error of the server', () => {
    world.peer.send(world.call(), new Ending());
    world.transport.result(1, null);
    expect(world.last).toMatchObject({ kind: 'response', outcome: 'ok' });
    world.peer.send(world.call(), new Ending());
    world.transport.error(2, -32000, 'no');
    expect(world.last).toMatchObject({ kind: 'error', outcome: 'rpc_error' });
  });

  it('leaves the payload out when the tool says so, but not the size', () => {
    world.tool.recordPayloads = false;
    world.peer.send(world.call(), new Ending());
    expect(world.last).toMatchObject({ payload: null, sizeBytes: 46 });
  });

  it('records our notifications', () => {
    world.peer.notify('notifications/initialized', undefined, { client: 'mcps', sessionId: null });
    expect(world.last).toMatchObject({ direction: 'to-server', kind: 'notification', client: 'mcps', rpcId: null });
  });

  it('never breaks the relay when the sink, a listener or a caller throws, and counts it', () => {
    const transport = new FakeTransport();
    const boom = (): never => {
      throw new Error('boom');
    };
    const peer = new McpPeer({ transport, sink: { record: boom }, tool: world.tool, clientInfo: CLIENT_INFO });
    void peer.open(new AbortController().signal);
    peer.onNotification(boom);
    const ending = new Ending();
    const call: PeerCall = world.call();
    peer.send(call, { onResult: boom, onError: boom });
    peer.send(call, ending);
    transport.result(1, {});
    transport.deliver({ method: 'x' });
    transport.result(2, {});
    expect(ending.results).toEqual([{}]);
    expect(peer.counters.listenerFailures).toBe(5 + 2);
  });
});
