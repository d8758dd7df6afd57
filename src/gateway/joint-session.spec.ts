import type { Principal } from '../auth/principal';
import type { ClientMessage } from '../mcp/client-message';
import { JointExchange } from './joint-exchange';
import { JointSession, messageOf } from './joint-session';
import type { ClientExchange, Endpoint, InitializeAnswer, SessionClient } from './gateway.types';

/** A tool whose server is played by the test. */
class FakeEndpoint implements Endpoint {
  readonly requests: ClientExchange[] = [];
  readonly answers: string[] = [];
  readonly told: string[] = [];
  ended = jest.fn();
  release = jest.fn();
  initialized: (answer: InitializeAnswer | Error) => void = () => undefined;

  constructor(
    readonly id: string,
    private readonly isPrompt = true,
  ) {}

  get name(): string {
    return this.id;
  }

  admits(): boolean {
    return true;
  }

  initialize(): Promise<InitializeAnswer> {
    const answer = { result: '{}', protocolVersion: '2025-11-25' };
    if (this.isPrompt) return Promise.resolve(answer);
    return new Promise((resolve, reject) => {
      this.initialized = (given) => (given instanceof Error ? reject(given) : resolve(given));
    });
  }

  request(exchange: ClientExchange): void {
    this.requests.push(exchange);
  }

  notify(_client: unknown, message: ClientMessage): void {
    this.told.push(message.method);
  }

  respond(_client: unknown, message: ClientMessage): void {
    this.answers.push(message.text);
  }
}

function aClient(more: Partial<SessionClient> = {}): SessionClient & { pushed: unknown[] } {
  const pushed: unknown[] = [];
  return {
    ...{ pushed, name: 'client', sessionId: 's', era: 'legacy', envelope: '', logLevel: null, capabilities: {} },
    ...{ protocolVersion: '2025-11-25', lastExchange: null, principal: {} as Principal, end: () => undefined },
    push: (text) => void pushed.push(JSON.parse(text)),
    ...more,
  };
}

const initialize = messageOf({ id: 1, method: 'initialize', params: {} });
const ask = (id: unknown): string => JSON.stringify({ jsonrpc: '2.0', id, method: 'roots/list' });

describe('JointSession', () => {
  it('introduces the client to a tool once, when it is first needed', async () => {
    const session = new JointSession(aClient({ logLevel: 'error' }), initialize);
    const tool = new FakeEndpoint('a');
    const [first, second] = await Promise.all([session.at(tool), session.at(tool)]);
    expect(first).toBe(second);
    expect(tool.told).toEqual(['notifications/initialized']);
    expect(tool.requests.map(({ message }) => message.params)).toEqual([{ level: 'error' }]);
  });

  it('gives questions of two servers ids of its own, and each its answer under its own id', async () => {
    const client = aClient();
    const session = new JointSession(client, initialize);
    const [a, b] = [new FakeEndpoint('a'), new FakeEndpoint('b')];
    (await session.at(a)).push(ask(7));
    (await session.at(b)).push(ask(7));
    const ids = client.pushed.map((message) => (message as { id: string }).id);
    expect(new Set(ids).size).toBe(2);
    for (const id of [...ids].reverse()) session.respond(messageOf({ id, result: { roots: [id] } }));
    expect(a.answers.map((text) => JSON.parse(text) as unknown)).toEqual([
      { jsonrpc: '2.0', id: 7, result: { roots: [ids[0]] } },
    ]);
    expect(b.answers.map((text) => JSON.parse(text) as unknown)).toEqual([
      { jsonrpc: '2.0', id: 7, result: { roots: [ids[1]] } },
    ]);
  });

  it('answers no question twice, and none that it has not asked', async () => {
    const client = aClient();
    const session = new JointSession(client, initialize);
    const tool = new FakeEndpoint('a');
    (await session.at(tool)).push(ask('x'));
    const { id } = client.pushed[0] as { id: string };
    for (const each of [id, id, 'joint-99', 7]) session.respond(messageOf({ id: each, result: {} }));
    expect(tool.answers).toHaveLength(1);
  });

  it('tells of a question that a server takes back under the id that the client knows', async () => {
    const client = aClient();
    const session = new JointSession(client, initialize);
    const at = await session.at(new FakeEndpoint('a'));
    const takeBack = (requestId: unknown): string =>
      JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } });
    at.push(ask(7));
    at.push(takeBack(7));
    at.push(takeBack(8));
    const [question, ...rest] = client.pushed as { id?: string }[];
    expect(rest).toEqual([JSON.parse(takeBack(question?.id))]);
  });

  it('names a resource that has changed as the client subscribed to it, and keeps lists that changed to itself', async () => {
    const client = aClient();
    const session = new JointSession(client, initialize);
    const at = await session.at(new FakeEndpoint('b'));
    session.noteSubscription('b', 'file:///x', 'mcps-b+file:///x');
    const updated = (uri: string): string =>
      JSON.stringify({ jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri } });
    at.push(updated('file:///x'));
    at.push('{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}');
    session.noteSubscription('b', 'file:///x', null);
    at.push(updated('file:///x'));
    expect(client.pushed).toEqual([JSON.parse(updated('mcps-b+file:///x')), JSON.parse(updated('file:///x'))]);
  });

  it('survives the end of one server: the next request begins anew there', async () => {
    const session = new JointSession(aClient(), initialize);
    const tool = new FakeEndpoint('a');
    const first = await session.at(tool);
    first.end();
    expect(tool.release).toHaveBeenCalledWith(first);
    expect(await session.at(tool)).not.toBe(first);
  });

  it('asks anew after an introduction that has failed', async () => {
    const session = new JointSession(aClient(), initialize);
    const tool = new FakeEndpoint('a', false);
    const failing = session.at(tool);
    tool.initialized(new Error('not today'));
    await expect(failing).rejects.toThrow('not today');
    const next = session.at(tool);
    tool.initialized({ result: '{}', protocolVersion: '2025-03-26' });
    expect((await next).protocolVersion).toBe('2025-03-26');
  });

  it('leaves no server behind when it ends while a tool is still taking it in', async () => {
    const session = new JointSession(aClient(), initialize);
    const tool = new FakeEndpoint('a', false);
    const late = session.at(tool);
    session.release();
    expect(tool.release).toHaveBeenCalledTimes(1);
    tool.initialized({ result: '{}', protocolVersion: '2025-11-25' });
    await expect(late).rejects.toMatchObject({ code: 'session_not_found' });
    expect(tool.release).toHaveBeenCalledTimes(2);
  });
});

describe('JointExchange', () => {
  it('ends once, and what comes later is lost', () => {
    const tool = new FakeEndpoint('a');
    const sink = { answer: jest.fn(), fail: jest.fn(), send: jest.fn() };
    const exchange = new JointExchange(aClient(), messageOf({ id: 1, method: 'tools/call' }), tool, sink);
    exchange.begin();
    exchange.send('{}');
    exchange.answer('{}', { outcome: 'ok', errorCode: null });
    exchange.answer('{}', { outcome: 'ok', errorCode: null });
    exchange.fail(new Error('late'));
    exchange.send('{}');
    expect([sink.answer, sink.fail, sink.send].map(({ mock }) => mock.calls.length)).toEqual([1, 0, 1]);
    expect(tool.ended).toHaveBeenCalledTimes(1);
  });

  it('fails as cancelled where nobody has begun to work on it, and leaves it to who has', () => {
    const tool = new FakeEndpoint('a');
    const sink = { answer: jest.fn(), fail: jest.fn(), send: jest.fn() };
    const make = (): JointExchange =>
      new JointExchange(aClient(), messageOf({ id: 1, method: 'tools/call' }), tool, sink);
    make().cancel('no more');
    expect(sink.fail).toHaveBeenCalledWith(expect.objectContaining({ code: 'call_cancelled' }));
    const begun = make();
    begun.onCancel = jest.fn();
    begun.cancel('no more');
    expect(begun.onCancel).toHaveBeenCalledWith('no more');
    expect(sink.fail).toHaveBeenCalledTimes(1);
  });
});
