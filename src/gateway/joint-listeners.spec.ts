import type { ClientExchange, Endpoint } from './gateway.types';
import { JointListeners } from './joint-listeners';
import { messageOf } from './joint-session';

const ID = 'io.modelcontextprotocol/subscriptionId';

function aListen(notifications: object): ClientExchange & { sent: any[]; answered: any[] } {
  const sent: unknown[] = [];
  const answered: unknown[] = [];
  return {
    ...{ sent, answered, isOver: false, onCancel: null, fail: () => undefined, client: {} as ClientExchange['client'] },
    message: messageOf({ id: 'l', method: 'subscriptions/listen', params: { notifications, _meta: { own: 1 } } }),
    send: (text) => void sent.push(JSON.parse(text)),
    answer: (text) => void answered.push(JSON.parse(text)),
  };
}

/** A tool at which others listen. */
function aTool(): { endpoint: Endpoint; listens: ClientExchange[] } {
  const listens: ClientExchange[] = [];
  const endpoint = {
    id: 't',
    name: 'b',
    request: (exchange: ClientExchange) => listens.push(exchange),
    ended: () => 0,
  };
  return { endpoint: endpoint as unknown as Endpoint, listens };
}

describe('JointListeners', () => {
  afterEach(() => jest.useRealTimers());

  it('confirms what was asked for first, and tells of nothing else', () => {
    const listeners = new JointListeners();
    const exchange = aListen({ promptsListChanged: true, toolsListChanged: false });
    listeners.add(exchange, []);
    listeners.changed('tools', () => true);
    listeners.changed('prompts', () => false);
    listeners.changed('prompts', () => true);
    expect(exchange.sent).toEqual([
      {
        jsonrpc: '2.0',
        method: 'notifications/subscriptions/acknowledged',
        params: { notifications: { promptsListChanged: true }, _meta: { [ID]: 'l' } },
      },
      { jsonrpc: '2.0', method: 'notifications/prompts/list_changed', params: { _meta: { [ID]: 'l' } } },
    ]);
  });

  it('listens to resources at their tool under its addresses, and passes on under those of the client', () => {
    const listeners = new JointListeners();
    const exchange = aListen({ resourceSubscriptions: ['mcps-b+file:///x'] });
    const { endpoint, listens } = aTool();
    listeners.add(exchange, [{ endpoint, uris: new Map([['file:///x', 'mcps-b+file:///x']]) }]);
    const [inner] = listens;
    expect(inner?.message.params).toEqual({
      notifications: { resourceSubscriptions: ['file:///x'] },
      _meta: { own: 1 },
    });
    const say = (method: string, uri: string): void =>
      inner?.send(JSON.stringify({ jsonrpc: '2.0', method, params: { uri, more: 1, _meta: { [ID]: 'l' } } }));
    say('notifications/subscriptions/acknowledged', '');
    say('notifications/resources/updated', 'file:///other');
    say('notifications/resources/updated', 'file:///x');
    expect(exchange.sent.slice(1)).toEqual([
      {
        jsonrpc: '2.0',
        method: 'notifications/resources/updated',
        params: { uri: 'mcps-b+file:///x', more: 1, _meta: { [ID]: 'l' } },
      },
    ]);
  });

  it('listens again when a server has ended it, until the client has had enough', () => {
    jest.useFakeTimers();
    const listeners = new JointListeners();
    const exchange = aListen({ resourceSubscriptions: ['file:///x'] });
    const { endpoint, listens } = aTool();
    listeners.add(exchange, [{ endpoint, uris: new Map([['file:///x', 'file:///x']]) }]);
    listens[0]?.answer('{}', { outcome: 'ok', errorCode: null });
    jest.advanceTimersByTime(2000);
    listens[1]?.fail(new Error('restarted'));
    jest.advanceTimersByTime(2000);
    expect(listens).toHaveLength(3);
    const given: unknown[] = [];
    if (listens[2]) listens[2].onCancel = (reason) => given.push(reason);
    exchange.onCancel?.('hung up');
    exchange.onCancel?.('hung up');
    expect(given).toEqual(['hung up']);
    expect(exchange.answered).toEqual([
      { jsonrpc: '2.0', id: 'l', result: { resultType: 'complete', _meta: { [ID]: 'l' } } },
    ]);
    expect(listeners.size).toBe(0);
    listens[2]?.fail(new Error('cancelled'));
    jest.advanceTimersByTime(60_000);
    expect(listens).toHaveLength(3);
  });
});
