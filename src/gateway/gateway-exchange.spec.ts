import { ClientMessage } from '../mcp/client-message';
import { ANSWERED_OK } from '../mcp/relay.types';
import { RpcRefusal } from '../mcp/rpc-answers';
import { EndpointNotFoundError } from './gateway.errors';
import type { ExchangeOwner, GatewayExchange } from './gateway-exchange';
import type { GatewaySession } from './gateway-session';
import type { Endpoint, GatewayRequest } from './gateway.types';
import { JointExchange } from './joint-exchange';
import type { ModernClient } from './modern-client';
import { ModernExchange } from './modern-exchange';
import type { OpenStreams } from './open-streams';
import { PostExchange } from './session-exchanges';

const TEXT = '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo"}}';
const owner: ExchangeOwner = { ended: () => undefined, unexpected: () => undefined };
const endpoint = { name: 'tool', ended: () => undefined } as unknown as Endpoint;

function aRequest(): { to: GatewayRequest; written: string[] } {
  const written: string[] = [];
  const response = {
    headersSent: false,
    destroyed: false,
    writeHead: () => undefined,
    end: (text?: string) => void written.push(text ?? ''),
  };
  const to = { request: { headers: {} }, response, id: 'r', origin: null } as unknown as GatewayRequest;
  return { to, written };
}

function aMessage(): ClientMessage {
  const [message] = ClientMessage.readAll(TEXT);
  if (message === undefined) throw new Error('there is a message');
  return message;
}

describe('an exchange that is over', () => {
  const kinds: [string, (message: ClientMessage, to: GatewayRequest) => GatewayExchange][] = [
    ['of a session', (message, to) => new PostExchange({} as GatewaySession, message, owner, to)],
    [
      'of the modern era',
      (message, to) => new ModernExchange({} as ModernClient, message, owner, to, {} as OpenStreams),
    ],
  ];

  it.each(kinds)('%s has written its answer and keeps nothing of its request', (_kind, make) => {
    const message = aMessage();
    const { to, written } = aRequest();
    const exchange = make(message, to);

    exchange.answer('{"the":"answer"}', ANSWERED_OK);

    expect(written).toEqual(['{"the":"answer"}']);
    expect(Object.values(exchange)).not.toContain(message);
    expect(Object.values(exchange)).not.toContain(to);
  });

  it.each(kinds)('%s keeps nothing after a failure, either', (_kind, make) => {
    const message = aMessage();
    const { to, written } = aRequest();
    const exchange = make(message, to);

    exchange.fail(new Error('a bug'));

    expect(written).toEqual([expect.stringContaining('"id":7,"error"')]);
    expect(Object.values(exchange)).not.toContain(message);
    expect(Object.values(exchange)).not.toContain(to);
  });

  it.each(kinds)('%s tells its owner of a failure that nobody foresaw, and of no other', (_kind, make) => {
    const told: unknown[] = [];
    const unexpected = new Error('a bug');
    owner.unexpected = (_exchange, error) => void told.push(error);
    make(aMessage(), aRequest().to).fail(unexpected);
    make(aMessage(), aRequest().to).fail(new EndpointNotFoundError());
    make(aMessage(), aRequest().to).fail(new RpcRefusal(-32601, 'no such method'));
    owner.unexpected = () => undefined;
    expect(told).toEqual([unexpected]);
  });

  it('at one tool for the joint endpoint keeps nothing', () => {
    const message = aMessage();
    const answers: string[] = [];
    const sink = { answer: (text: string) => void answers.push(text), fail: () => undefined, send: () => undefined };
    const client = { era: 'legacy' } as unknown as ConstructorParameters<typeof JointExchange>[0];
    const exchange = new JointExchange(client, message, endpoint, sink);

    exchange.answer('{"the":"answer"}', ANSWERED_OK);

    expect(answers).toEqual(['{"the":"answer"}']);
    expect(Object.values(exchange)).not.toContain(message);
    expect(Object.values(exchange)).not.toContain(sink);
  });
});
