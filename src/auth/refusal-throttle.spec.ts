import { FakeClock } from '../../test/support/fake-clock';
import { RefusalThrottle } from './refusal-throttle';

const MINUTE_MS = 60_000;

function aThrottle() {
  const clock = new FakeClock();
  const throttle = new RefusalThrottle(clock);
  const refuse = (times: number, address = '203.0.113.7'): (number | null)[] =>
    Array.from({ length: times }, () => throttle.admit(address));
  return { clock, throttle, refuse };
}

describe('the throttle of refused requests', () => {
  it('gives ten of an address a row in a minute and counts the rest', () => {
    const { refuse } = aThrottle();
    expect(refuse(13)).toEqual([...Array<number>(10).fill(0), null, null, null]);
  });

  it('tells in the first row of the next minute how many got none', () => {
    const { clock, refuse } = aThrottle();
    refuse(13);
    clock.advance(MINUTE_MS - 1);
    expect(refuse(1)).toEqual([null]);
    clock.advance(1);
    expect(refuse(2)).toEqual([4, 0]);
    clock.advance(MINUTE_MS);
    expect(refuse(1)).toEqual([0]);
  });

  it('counts the minute from the first refusal', () => {
    const { clock, refuse } = aThrottle();
    refuse(1);
    clock.advance(MINUTE_MS / 2);
    expect(refuse(10)).toEqual([...Array<number>(9).fill(0), null]);
    clock.advance(MINUTE_MS / 2);
    expect(refuse(1)).toEqual([1]);
  });

  it('lets no address use up the rows of another', () => {
    const { refuse } = aThrottle();
    refuse(20, '203.0.113.7');
    expect(refuse(1, '203.0.113.8')).toEqual([0]);
    expect(refuse(1, '203.0.113.7')).toEqual([null]);
  });

  it('remembers ten thousand addresses and forgets the oldest first', () => {
    const { throttle, refuse } = aThrottle();
    refuse(10, 'oldest');
    refuse(10, 'second');
    for (let n = 0; n < 9_998; n++) throttle.admit(`address ${n}`);
    expect(refuse(1, 'oldest')).toEqual([null]);
    throttle.admit('one more');
    expect(refuse(1, 'second')).toEqual([null]);
    expect(refuse(1, 'oldest')).toEqual([0]);
  });
});
