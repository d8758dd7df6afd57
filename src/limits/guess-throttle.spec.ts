import { FakeClock } from '../../test/support/fake-clock';
import { GuessThrottle } from './guess-throttle';
import { TooManyAttemptsError } from './limits.errors';

const OWNER = '198.51.100.1';
const ATTACKER = '203.0.113.7';

function aThrottle() {
  const clock = new FakeClock();
  const throttle = new GuessThrottle(clock);
  let verified = 0;
  /** 'in' for the right password, 'wrong' for a wrong one, else the seconds to wait. */
  const guess = async (address: string, account = 'admin', right = false): Promise<string | number> => {
    try {
      const result = await throttle.attempt(account, address, () => {
        verified++;
        return Promise.resolve(right ? 'in' : null);
      });
      return result ?? 'wrong';
    } catch (error) {
      if (error instanceof TooManyAttemptsError) return error.retryAfterSeconds ?? NaN;
      throw error;
    }
  };
  const wrong = async (times: number, address = ATTACKER): Promise<(string | number)[]> => {
    const answers = [];
    for (let n = 0; n < times; n++) answers.push(await guess(address));
    return answers;
  };
  return { clock, throttle, guess, wrong, verifiedSoFar: () => verified };
}

describe('the throttle of guessing', () => {
  it('A4: makes an address wait 1, 2, 4 ... at most 300 seconds after five wrong passwords', async () => {
    const { clock, guess, wrong } = aThrottle();
    expect(await wrong(5)).toEqual(Array(5).fill('wrong'));
    for (const seconds of [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]) {
      expect(await guess(ATTACKER)).toBe(seconds);
      clock.advance(seconds * 1000 - 1);
      expect(await guess(ATTACKER)).toBe(1);
      clock.advance(1);
      expect(await guess(ATTACKER)).toBe('wrong');
    }
  });

  it('A4: does not ask whether the password is right while it waits, and waiting tries cost nothing', async () => {
    const { clock, guess, wrong, verifiedSoFar } = aThrottle();
    await wrong(200);
    expect(verifiedSoFar()).toBe(5);
    expect(await guess(ATTACKER, 'admin', true)).toBe(1);
    clock.advance(1000);
    expect(await guess(ATTACKER, 'admin', true)).toBe('in');
  });

  it('A4: lets the owner in from a calm address while fifty others guess, and gives each of them one guess', async () => {
    const { clock, guess, verifiedSoFar } = aThrottle();
    for (let second = 0; second < 4; second++) {
      for (let n = 0; n < 50; n++) await guess(`203.0.113.${n}`);
      clock.advance(250);
    }
    // Five before anyone knew, then one of each address.
    expect(verifiedSoFar()).toBeLessThanOrEqual(55);
    expect(await guess(OWNER, 'admin', true)).toBe('in');
  });

  it('A4: makes an owner who mistypes during an attack wait minutes, not for its end', async () => {
    const { clock, guess } = aThrottle();
    for (let n = 0; n < 100; n++) await guess(`203.0.113.${n}`);
    expect(await guess(OWNER)).toBe('wrong');
    expect(await guess(OWNER, 'admin', true)).toBe(300);
    for (let minute = 0; minute < 5; minute++) {
      for (let n = 0; n < 100; n++) await guess(`192.0.2.${n}`, 'admin');
      clock.advance(60_000);
    }
    expect(await guess(OWNER, 'admin', true)).toBe('in');
  });

  it('counts a try from its beginning: many at once are no way around', async () => {
    const { guess, verifiedSoFar } = aThrottle();
    const answers = await Promise.all(Array.from({ length: 200 }, () => guess(ATTACKER)));
    expect(answers.filter((answer) => answer === 'wrong')).toHaveLength(5);
    expect(verifiedSoFar()).toBe(5);
  });

  it('takes a burst of right passwords for what it is', async () => {
    const { guess } = aThrottle();
    const answers = await Promise.all(Array.from({ length: 50 }, () => guess(OWNER, 'admin', true)));
    expect(new Set(answers)).toEqual(new Set(['in']));
  });

  it('does not let a guesser wash his address clean with a password of his own', async () => {
    const { guess } = aThrottle();
    const answers = [];
    for (let n = 0; n < 8; n++) {
      answers.push(await guess(ATTACKER, 'admin'));
      answers.push(await guess(ATTACKER, 'attacker', true));
    }
    expect(answers.filter((answer) => answer === 'wrong')).toHaveLength(5);
  });

  it('takes spellings of one name for one account, and addresses of one IPv6 network for one address', async () => {
    const { guess } = aThrottle();
    for (const account of ['Admin', 'ADMIN', 'admin', 'ａｄｍｉｎ', 'aDMIN']) await guess('2001:db8::1', account);
    expect(await guess('2001:db8::2', 'somebody')).toBe(1);
    // The account is guarded now: one free try of a new address, not five.
    expect([await guess(OWNER), await guess(OWNER)]).toEqual(['wrong', 2]);
  });

  it('does not count a try that failed for another reason', async () => {
    const { throttle, wrong } = aThrottle();
    for (let n = 0; n < 20; n++) {
      await expect(throttle.attempt('admin', ATTACKER, () => Promise.reject(new Error('away')))).rejects.toThrow(
        'away',
      );
    }
    expect(await wrong(5)).toEqual(Array(5).fill('wrong'));
  });

  it('forgets after a quarter of an hour of calm', async () => {
    const { clock, wrong } = aThrottle();
    await wrong(6);
    clock.advance(15 * 60_000);
    expect(await wrong(5)).toEqual(Array(5).fill('wrong'));
  });

  it('remembers a bounded number of names and addresses', async () => {
    const { guess, throttle } = aThrottle();
    for (let n = 0; n < 10_100; n++) await guess(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`, `name ${n}`);
    const sizes = Object.values(throttle).flatMap((part: { size?: unknown }) =>
      typeof part.size === 'number' ? [part.size] : [],
    );
    expect(sizes).toEqual([10_000, 10_000, 10_000]);
  });
});
