import { answered, type Health, healthRules, look, type Miss, missed, newHealth } from './health-check';

const RULES = healthRules(60_000);
const HALF = 0.5;
const quiet = (now: number, heard = 5) => ({ now, heard, isBusy: false });
const fresh = newHealth(quiet(0), RULES, HALF);

function miss(now: number, given: Partial<Miss> = {}): Miss {
  return { ...quiet(now), hasAnswered: true, hasSpoken: true, wasSuspended: false, ...given };
}

/** A server that was asked at that moment. */
function askedAt(now: number, health: Health = fresh): Health {
  return { ...health, askedAt: now };
}

describe('the question whether a server is there', () => {
  it('is put once when it has said nothing for the interval', () => {
    expect(look(fresh, quiet(59_999), RULES, HALF)).toMatchObject({ ask: false, verdict: 'fine' });
    const due = look(fresh, quiet(60_000), RULES, HALF);
    expect(due).toMatchObject({ ask: true, verdict: 'fine', health: { askedAt: 60_000 } });
    expect(look(due.health, quiet(65_000), RULES, HALF).ask).toBe(false);
  });

  it('is spread over 80 to 120 % of the interval', () => {
    expect([0, 0.5, 1].map((random) => newHealth(quiet(0), RULES, random).askAt)).toEqual([48_000, 60_000, 72_000]);
  });

  it('is put off by anything that it says, and is not put while it works', () => {
    const spoke = look(fresh, quiet(60_000, 6), RULES, HALF);
    expect(spoke).toMatchObject({ ask: false, health: { heard: 6, askAt: 120_000 } });
    expect(look(fresh, { ...quiet(600_000), isBusy: true }, RULES, HALF).ask).toBe(false);
  });

  it('gives the answer 10 s, or the interval if that is shorter', () => {
    expect([60, 10, 2].map((seconds) => healthRules(seconds * 1_000).answerMs)).toEqual([10_000, 10_000, 2_000]);
  });
});

describe('an answer that does not come', () => {
  it('F23: makes a server degraded, then asked again soon, and condemned at the third in a row', () => {
    const first = missed(askedAt(0), miss(10_000), RULES, HALF);
    expect(first).toMatchObject({ verdict: 'degraded', health: { misses: 1, askAt: 15_000, askedAt: null } });
    const second = missed(askedAt(15_000, first.health), miss(25_000), RULES, HALF);
    expect(second.verdict).toBe('degraded');
    expect(missed(askedAt(30_000, second.health), miss(40_000), RULES, HALF).verdict).toBe('condemned');
  });

  it('is forgotten with the next one, or with anything that the server says', () => {
    const { health } = missed(askedAt(0), miss(10_000), RULES, HALF);
    expect(answered(askedAt(15_000, health), quiet(15_010, 6), RULES, HALF)).toMatchObject({
      verdict: 'recovered',
      health: { misses: 0, heard: 6, askedAt: null },
    });
    expect(look(health, quiet(12_000, 6), RULES, HALF)).toMatchObject({ verdict: 'recovered', health: { misses: 0 } });
    // It came a moment too late, but it came.
    expect(missed(askedAt(15_000, health), miss(25_000, { heard: 6 }), RULES, HALF).verdict).toBe('recovered');
  });

  it('says nothing of a server that has begun to work meanwhile', () => {
    expect(missed(askedAt(0), miss(10_000, { isBusy: true }), RULES, HALF)).toMatchObject({
      verdict: 'fine',
      health: { misses: 0, askAt: 15_000 },
    });
  });

  it('F32: says nothing of a server when we ourselves were stopped, however long', () => {
    const two = { ...fresh, misses: 2 };
    expect(missed(askedAt(0, two), miss(70_000), RULES, HALF)).toMatchObject({
      verdict: 'fine',
      health: { misses: 2 },
    });
    expect(missed(askedAt(0, two), miss(10_000, { wasSuspended: true }), RULES, HALF).verdict).toBe('fine');
    expect(missed(askedAt(0, two), miss(10_500), RULES, HALF).verdict).toBe('condemned');
  });

  it('says nothing of a server that speaks but never answers this question: it is not asked again', () => {
    const { health } = missed(askedAt(0), miss(10_000, { hasAnswered: false }), RULES, HALF);
    expect(health).toMatchObject({ isExcused: true, misses: 0 });
    expect(look(health, quiet(999_999), RULES, HALF).ask).toBe(false);
    // One that has said nothing at all since it was ready hangs.
    const silent = missed(askedAt(0), miss(10_000, { hasAnswered: false, hasSpoken: false }), RULES, HALF);
    expect(silent.verdict).toBe('degraded');
  });
});
