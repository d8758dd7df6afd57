import { FakeClock } from '../../test/support/fake-clock';
import { type HeapState, LoadShedder } from './load-shedder';

const MEGABYTE = 1_000_000;

class Shedder extends LoadShedder {
  state: HeapState = { usedBytes: 50 * MEGABYTE, limitBytes: 100 * MEGABYTE };

  protected override readHeap(): HeapState {
    return this.state;
  }
}

describe('F45: with little memory left', () => {
  let clock: FakeClock;
  let shedder: Shedder;
  beforeEach(() => {
    clock = new FakeClock();
    shedder = new Shedder(clock);
  });
  const refusal = expect.objectContaining({ code: 'overloaded', retryAfterSeconds: 2 });

  it('no more bodies are taken at a time than there is room for, and again when those have gone', () => {
    const requests = Array.from({ length: 6 }, () => ({}));
    for (const request of requests) shedder.admit(request, MEGABYTE);
    expect(() => shedder.admit({}, MEGABYTE)).toThrow(refusal);
    shedder.admit({}, 0);
    shedder.release(requests[0] ?? {});
    shedder.release(requests[0] ?? {});
    shedder.admit({}, MEGABYTE);
    expect(() => shedder.admit({}, MEGABYTE)).toThrow(refusal);
    expect(shedder.refused).toBe(2);
  });

  it('nothing is taken at all when the heap is full, and again when it is not', () => {
    shedder.state = { ...shedder.state, usedBytes: 91 * MEGABYTE };
    expect(() => shedder.admit({}, 0)).toThrow(refusal);
    shedder.state = { ...shedder.state, usedBytes: 60 * MEGABYTE };
    expect(() => shedder.admit({}, 0)).not.toThrow();
  });
});
