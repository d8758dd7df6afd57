import { EventEmitter } from 'node:events';
import { FakeClock } from '../../test/support/fake-clock';
import { type HeapState, LoadShedder } from '../availability/load-shedder';
import { takeRoom } from './body-room';
import type { GatewayRequest } from './gateway.types';

const LIMIT = 1_000_000;

class FullHeap extends LoadShedder {
  protected override readHeap(): HeapState {
    // Room for two bodies of the limit.
    return { usedBytes: 0, limitBytes: (2.5 * 6 * LIMIT) / 0.9 };
  }
}

function aRequest(headers: Record<string, string>): GatewayRequest & { response: EventEmitter } {
  return { request: { headers }, response: new EventEmitter() } as unknown as GatewayRequest & {
    response: EventEmitter;
  };
}

describe('F45: memory for bodies at the gateway', () => {
  const shedder = () => new FullHeap(new FakeClock());
  const large = () => aRequest({ 'content-length': String(LIMIT) });
  const refusal = expect.objectContaining({ kind: 'unavailable', code: 'overloaded', retryAfterSeconds: 2 });

  it('is counted until the responses are over', () => {
    const room = shedder();
    const [first, second] = [large(), large()];
    takeRoom(room, first, LIMIT);
    takeRoom(room, second, LIMIT);
    expect(() => takeRoom(room, large(), LIMIT)).toThrow(refusal);
    first.response.emit('close');
    expect(() => takeRoom(room, large(), LIMIT)).not.toThrow();
  });

  it('is taken as for the largest where a body does not say how large it is', () => {
    const room = shedder();
    for (let n = 0; n < 2; n++) takeRoom(room, aRequest({ 'transfer-encoding': 'chunked' }), LIMIT);
    expect(() => takeRoom(room, aRequest({ 'transfer-encoding': 'chunked' }), LIMIT)).toThrow(refusal);
  });

  it('is not counted for small bodies, which are refused all the same where none is left', () => {
    const room = shedder();
    const small = aRequest({ 'content-length': '200' });
    for (let n = 0; n < 3; n++) takeRoom(room, small, LIMIT);
    expect(small.response.listenerCount('close')).toBe(0);
    takeRoom(room, large(), LIMIT);
    takeRoom(room, aRequest({ 'content-length': String(LIMIT / 2) }), LIMIT);
    takeRoom(room, aRequest({ 'content-length': String(LIMIT) }), LIMIT);
    expect(() => takeRoom(room, small, LIMIT)).toThrow(refusal);
  });

  it('is not taken for a client that has gone: nothing would give it back', () => {
    const room = shedder();
    for (let n = 0; n < 3; n++) takeRoom(room, Object.assign(large(), { response: { destroyed: true } }), LIMIT);
    expect(() => takeRoom(room, large(), LIMIT)).not.toThrow();
  });

  it('is not needed for what is too large: that is not read', () => {
    const room = shedder();
    for (let n = 0; n < 5; n++) takeRoom(room, aRequest({ 'content-length': String(100 * LIMIT) }), LIMIT);
    expect(room.refused).toBe(0);
  });
});
