import { PeerWorld } from '../../test/support/peer-world';
import { ClientMessage } from './client-message';
import { HeldCall } from './held-call';
import type { Exchange } from './relay.types';

describe('a call that is held while its client is asked', () => {
  it('fails, and nothing else does, where the client can not be asked for a reason that nobody foresaw', async () => {
    const world = await new PeerWorld().open();
    jest.useFakeTimers({ doNotFake: ['setImmediate'] });
    try {
      const boom = new Error('boom');
      const [message] = ClientMessage.readAll('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}');
      const failures: unknown[] = [];
      const exchange = { message, isOver: false, onCancel: null, fail: (error: unknown) => void failures.push(error) };
      let ends = 0;
      const call = new HeldCall({
        peer: world.peer,
        client: { name: 'c', sessionId: null, era: 'modern', envelope: '' },
        timeoutMs: 5_000,
        seal: () => {
          throw boom;
        },
        onDone: () => (ends += 1),
      });
      call.begin(exchange as unknown as Exchange);
      call.ask({ jsonrpc: '2.0', id: 'q', method: 'roots/list' }, '{"jsonrpc":"2.0","id":"q","method":"roots/list"}');
      jest.advanceTimersByTime(100);
      expect([failures[0], ends]).toEqual([boom, 1]);
    } finally {
      jest.useRealTimers();
      world.transport.end({ code: 'test', message: 'the test is over' });
    }
  });
});
