import { PeerWorld } from '../../test/support/peer-world';
import { ClientMessage } from './client-message';
import { LegacyToModernRelay } from './legacy-to-modern-relay';
import type { Exchange, RelayClient } from './relay.types';
import { RpcRefusal } from './rpc-answers';

class TestExchange implements Exchange {
  isOver = false;
  answers: any[] = [];
  failures: unknown[] = [];
  sent: any[] = [];
  onCancel: ((reason?: string) => void) | null = null;
  readonly message: ClientMessage;

  constructor(text: string) {
    this.message = ClientMessage.readAll(text)[0]!;
  }

  answer(text: string): void {
    this.isOver = true;
    this.answers.push(JSON.parse(text));
  }

  fail(error: unknown): void {
    this.isOver = true;
    this.failures.push(error);
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a client with a session at a server of the modern era', () => {
  let world: PeerWorld;
  beforeEach(async () => {
    world = await new PeerWorld().open();
  });
  afterEach(() => world.transport.end({ code: 'test', message: 'the test is over' }));

  const begin = (more: Partial<RelayClient> = {}): TestExchange => {
    const exchange = new TestExchange(
      '{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"t","big":12345678901234567890}}',
    );
    const client: RelayClient = { name: 'c', sessionId: 's', era: 'legacy', envelope: '"x/v":1', ...more };
    new LegacyToModernRelay().request(world.peer, exchange, client, 5000);
    return exchange;
  };
  const inputRequired = (id: unknown, inputRequests?: object, requestState?: string) =>
    world.transport.result(id as number, { resultType: 'input_required', inputRequests, requestState });

  it('puts the envelope into each request, and takes what only modern clients know out of results', () => {
    const exchange = begin();
    expect(world.transport.sent[0]?.params?._meta).toEqual({ 'x/v': 1 });
    expect(world.last?.payload).toContain('12345678901234567890');
    world.transport.result(1, { content: [], resultType: 'complete', ttlMs: 5, cacheScope: 'public', kept: true });
    expect(exchange.answers).toEqual([{ jsonrpc: '2.0', id: 'a', result: { content: [], kept: true } }]);
  });

  it('leaves results alone that speak of such members without having them', () => {
    const exchange = begin();
    world.transport.result(1, { content: [{ text: '"resultType":"input_required"' }] });
    expect(exchange.answers[0].result).toEqual({ content: [{ text: '"resultType":"input_required"' }] });
  });

  it('asks the client all at once, and the server again with what it says, until it has a result', async () => {
    const asked: [string, string | undefined][] = [];
    const exchange = begin({
      ask: (_exchange, method, params) => {
        asked.push([method, params]);
        return Promise.resolve(`{"answer":${asked.length}}`);
      },
    });
    inputRequired(
      1,
      { who: { method: 'elicitation/create', params: { mode: 'form' } }, where: { method: 'roots/list' } },
      'opaque',
    );
    await settled();
    expect(asked).toEqual([
      ['elicitation/create', '{"mode":"form"}'],
      ['roots/list', undefined],
    ]);
    expect(world.transport.sent[1]).toMatchObject({
      id: 2,
      method: 'tools/call',
      params: {
        name: 't',
        requestState: 'opaque',
        inputResponses: { who: { answer: 1 }, where: { answer: 2 } },
        _meta: { 'x/v': 1 },
      },
    });
    inputRequired(2, { url: { method: 'elicitation/create', params: { mode: 'url', url: 'https://a.example' } } });
    await settled();
    // Older revisions want each of them to have an id.
    expect(JSON.parse(asked[2]?.[1] ?? '')).toMatchObject({
      url: 'https://a.example',
      elicitationId: expect.any(String),
    });
    world.transport.result(3, { resultType: 'complete', done: true });
    expect(exchange.answers).toEqual([{ jsonrpc: '2.0', id: 'a', result: { done: true } }]);
  });

  it('ends with the refusal of the client', async () => {
    const exchange = begin({ ask: () => Promise.reject(new RpcRefusal(-1, 'no')) });
    inputRequired(1, { who: { method: 'elicitation/create' } });
    await settled();
    expect(exchange.failures).toEqual([expect.objectContaining({ rpcCode: -1, message: 'no' })]);
  });

  it('ends with an error where the client can not be asked, or the server comes to no end', async () => {
    const mute = begin();
    inputRequired(1, { who: { method: 'elicitation/create' } });
    await settled();
    expect(mute.failures).toHaveLength(1);
    const endless = begin({ ask: () => Promise.resolve('{}') });
    for (let id = 2; endless.failures.length === 0; id += 1) {
      expect(id).toBeLessThan(20);
      inputRequired(id, { who: { method: 'roots/list' } });
      await settled();
    }
    expect(world.transport.sentOf('tools/call')).toHaveLength(12);
  });

  it('tells the server when the client gives up', () => {
    const exchange = begin();
    exchange.onCancel?.('enough');
    expect(world.transport.sentOf('notifications/cancelled')[0]?.params).toEqual({ requestId: 1, reason: 'enough' });
  });

  it('fails, and nothing else does, where the server can not be asked again for a reason that nobody foresaw', () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate'] });
    try {
      const exchange = begin();
      const boom = new Error('boom');
      inputRequired(1);
      world.peer.relay = () => {
        throw boom;
      };
      jest.advanceTimersByTime(1_000);
      expect(exchange.failures).toEqual([boom]);
    } finally {
      jest.useRealTimers();
    }
  });
});
