import { FakeTransport } from '../../test/support/fake-transport';
import { CLIENT_INFO, Ending, PeerWorld } from '../../test/support/peer-world';
import { McpPeer } from './mcp-peer';
import { MessageTooBigError } from './peer.errors';

describe('what the server says on its own', () => {
  let world: PeerWorld;
  beforeEach(async () => {
    world = await new PeerWorld().open();
  });
  afterEach(() => world.transport.end({ code: 'test', message: 'the test is over' }));
  it('hands notifications to the listeners, of unknown methods too, until they stop', () => {
    const heard: unknown[] = [];
    const stop = world.peer.onNotification((method, params) => void heard.push([method, params]));
    world.transport.deliver({ method: 'vendor/anything', params: { a: 1 } });
    world.transport.deliver({ method: 'notifications/progress', params: { progressToken: 1, progress: 1 } });
    stop();
    world.transport.deliver({ method: 'vendor/anything' });
    expect(heard).toEqual([['vendor/anything', { a: 1 }]]);
    expect(world.records.map((record) => record.method)).toEqual([
      'vendor/anything',
      'notifications/progress',
      'vendor/anything',
    ]);
  });

  it('answers ping at once and refuses every other request, and records both', () => {
    world.transport.deliver({ jsonrpc: '2.0', id: 'p1', method: 'ping' });
    world.transport.deliver({ jsonrpc: '2.0', id: 5, method: 'sampling/createMessage', params: {} });
    expect(world.transport.sent).toEqual([
      { jsonrpc: '2.0', id: 'p1', result: {} },
      {
        jsonrpc: '2.0',
        id: 5,
        error: { code: -32601, message: 'sampling/createMessage is not supported by this client' },
      },
    ]);
    expect(world.records.map(({ direction, kind, method }) => [direction, kind, method])).toEqual([
      ['from-server', 'request', 'ping'],
      ['to-server', 'response', 'ping'],
      ['from-server', 'request', 'sampling/createMessage'],
      ['to-server', 'error', 'sampling/createMessage'],
    ]);
  });

  it('does not answer requests of a modern server, which must not send any', () => {
    world.peer.setEra({ era: 'modern', protocolVersion: '2026-07-28' });
    world.transport.deliver({ jsonrpc: '2.0', id: 5, method: 'ping' });
    expect(world.transport.sent).toEqual([]);
    expect(world.peer.counters.unknown).toBe(1);
  });

  it('F16: fails the one call whose answer was too big, when its id can be seen', () => {
    const endings = [new Ending(), new Ending()];
    for (const ending of endings) world.peer.send(world.call(), ending);
    world.transport.listener?.onOversized('{"jsonrpc":"2.0","id":2,"result":"xxx', 17_000_000);
    world.transport.listener?.onOversized('{"result":{"id":1,"x', 17_000_000);
    expect(endings.map((ending) => ending.count)).toEqual([0, 1]);
    expect(endings[1]?.errors[0]).toBeInstanceOf(MessageTooBigError);
    expect(endings[1]?.errors[0]?.code).toBe('message_too_big');
    expect(world.peer.counters.oversized).toBe(2);
  });

  it('F14: counts noise', () => {
    world.transport.listener?.onNoise('hello');
    expect(world.peer.counters.noise).toBe(1);
  });

  it('remembers when it was last heard', () => {
    expect(world.peer.lastSeenAt).toBeNull();
    world.clock = 4242;
    world.transport.deliver({ method: 'x' });
    expect(world.peer.lastSeenAt).toBe(4242);
  });
});

describe('lines that are no messages', () => {
  it('F14: are told to who wants them, who can not break anything', async () => {
    const transport = new FakeTransport();
    const heard: string[] = [];
    const peer = new McpPeer({
      transport,
      sink: { record: () => undefined },
      tool: { id: 't', name: 't', recordPayloads: true },
      clientInfo: CLIENT_INFO,
      onNoise: (sample) => {
        heard.push(sample);
        throw new Error('a bug of ours');
      },
    });
    await peer.open(new AbortController().signal);
    transport.listener?.onNoise('one');
    transport.listener?.onNoise('two');
    expect(heard).toEqual(['one', 'two']);
    expect([peer.firstNoise, peer.counters]).toMatchObject(['one', { noise: 2, listenerFailures: 2 }]);
  });
});
