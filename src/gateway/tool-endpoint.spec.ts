import type { ToolCatalogue } from '../tools/tool-catalogue';
import { GatewayLimits } from './gateway-limits';
import type { ClientExchange } from './gateway.types';
import { ToolEndpoint } from './tool-endpoint';

describe('a request to a tool that has to be woken', () => {
  const boom = new Error('boom');
  const anExchange = () => {
    const failures: unknown[] = [];
    const exchange = { client: {}, message: {}, isOver: false, fail: (error: unknown) => void failures.push(error) };
    return { exchange: exchange as unknown as ClientExchange, failures };
  };
  const anEndpoint = (wake: () => Promise<unknown>) => {
    const catalogue = { session: () => null, wake } as unknown as ToolCatalogue;
    const limits = Object.assign(Object.create(GatewayLimits.prototype) as GatewayLimits, { requestsPerTool: 10 });
    const facts = { id: 'a', name: 'a', timeoutMs: 1_000 } as unknown as ToolEndpoint['facts'];
    return new ToolEndpoint(facts, { catalogue, limits, sink: { record: () => undefined } });
  };
  const settled = () => new Promise((resolve) => setImmediate(resolve));

  it('fails where the tool can not be woken', async () => {
    const { exchange, failures } = anExchange();
    anEndpoint(() => Promise.reject(boom)).request(exchange);
    await settled();
    expect(failures).toEqual([boom]);
  });

  it('fails, and nothing else does, where it can not be passed on for a reason that nobody foresaw', async () => {
    const session = {
      get peer(): never {
        throw boom;
      },
    };
    const unheard: unknown[] = [];
    const note = (reason: unknown) => void unheard.push(reason);
    process.on('unhandledRejection', note);
    const { exchange, failures } = anExchange();
    anEndpoint(() => Promise.resolve(session)).request(exchange);
    await settled();
    process.off('unhandledRejection', note);
    expect([failures, unheard]).toEqual([[boom], []]);
  });
});
