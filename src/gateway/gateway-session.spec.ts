import { ClientMessage } from '../mcp/client-message';
import type { EventWriter } from './event-writer';
import type { GatewayExchange } from './gateway-exchange';
import { GatewaySession } from './gateway-session';
import type { Endpoint } from './gateway.types';

const PRINCIPAL = { name: 'key' } as GatewaySession['principal'];

function initialize(params: object): ClientMessage {
  const message = { jsonrpc: '2.0', id: 1, method: 'initialize', params };
  return ClientMessage.readAll(JSON.stringify(message))[0] ?? ClientMessage.NONE;
}

function aSession(
  params: object = { clientInfo: { name: 'c', version: '1' }, capabilities: { tasks: {}, roots: {} } },
) {
  const told: string[] = [];
  const endpoint = { release: () => told.push('endpoint') } as unknown as Endpoint;
  const session = new GatewaySession(PRINCIPAL, endpoint, 'http', initialize(params));
  session.keeper = { ended: () => told.push('keeper') };
  return { session, told };
}

function aWriter() {
  const sent: string[] = [];
  const writer = { isOpen: true, send: (text: string) => sent.push(text) > 0, end: () => sent.push('end') };
  return { writer: writer as unknown as EventWriter, sent };
}

describe('a session', () => {
  it('shares what its client says of itself with all sessions of the same client, but not its log level', () => {
    const [one, two] = [aSession().session, aSession().session];
    const other = aSession({ clientInfo: { name: 'c', version: '2' }, capabilities: {} }).session;
    expect(two.capabilities).toBe(one.capabilities);
    expect(JSON.parse(`{${one.envelope}}`)).toEqual({
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': { roots: {} },
      'io.modelcontextprotocol/clientInfo': { name: 'c', version: '1' },
    });
    two.setLogLevel('debug');
    expect(two.envelope).toContain('"io.modelcontextprotocol/logLevel":"debug"');
    expect(one.envelope).not.toContain('logLevel');
    expect(other.envelope).not.toBe(one.envelope);
    expect([one.name, one.clientVersion, other.clientVersion]).toEqual(['c', '1', '2']);
  });

  it('has the name of its principal where its client gives itself none', () => {
    expect(aSession({}).session.name).toBe('key');
    expect(aSession({ clientInfo: 'nonsense', capabilities: [] }).session).toMatchObject({
      name: 'key',
      capabilities: {},
    });
  });

  it('holds nothing while nothing is asked, so that many can be left open', () => {
    const { session } = aSession();
    const exchange = { message: initialize({}), cancel: () => undefined } as unknown as GatewayExchange;
    const maps = () => Object.values(session).filter((value) => value instanceof Map || Array.isArray(value)).length;
    expect(maps()).toBe(0);
    session.begin(exchange);
    session.rest();
    expect([session.inFlight, session.isBusy, session.exchange(1)]).toEqual([1, true, exchange]);
    session.finish(exchange);
    session.rest();
    expect([session.inFlight, session.isBusy, maps(), session.requests]).toEqual([0, false, 0, 1]);
  });

  it('keeps what belongs to no request for a stream that is opened later', () => {
    const { session } = aSession();
    session.push('first');
    session.rest();
    const { writer, sent } = aWriter();
    session.standalone.connect(writer);
    session.push('second');
    expect(sent).toEqual(['first', 'second']);
    expect(session.isBusy).toBe(true);
    expect(session.findStream('0-1')?.stream).toBe(session.standalone);
    expect(session.findStream('1-1')).toBeNull();
  });

  it('ends once, with all that waits, and tells its endpoint first', () => {
    const { session, told } = aSession();
    const cancel = jest.fn();
    session.begin({ message: initialize({}), cancel } as unknown as GatewayExchange);
    const { writer, sent } = aWriter();
    session.standalone.connect(writer);
    session.end();
    session.end();
    session.push('too late');
    expect([told, sent, cancel.mock.calls]).toEqual([['endpoint', 'keeper'], ['end'], [['The session has ended']]]);
  });
});
