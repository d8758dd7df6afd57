import { bucketsOf, planStats } from './log-stats-plan';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 10, 26, 10, 30, 15, 123);
const at = (text: string) => Date.parse(`2026-11-${text}Z`);

describe('the plan of statistics', () => {
  it('is the last hour by minutes, unless something else is asked for', () => {
    const plan = planStats({}, NOW, true);
    expect(plan).toMatchObject({
      from: at('26T09:30:00'),
      to: at('26T10:31:00'),
      bucketSeconds: 60,
      source: 'roll-ups',
    });
    expect(bucketsOf(plan)).toHaveLength(61);
  });

  it('counts a short time to the millisecond, from its rows', () => {
    const plan = planStats({ from: NOW - 90_500, to: NOW, bucketSeconds: 7 }, NOW, true);
    expect(plan).toMatchObject({ from: NOW - 90_500, to: NOW, bucketSeconds: 7, source: 'rows' });
    expect(bucketsOf(plan)[0]).toBeLessThanOrEqual(plan.from);
    expect(bucketsOf(plan).at(-1)! + 7_000).toBeGreaterThanOrEqual(plan.to);
  });

  it('takes whole minutes where a short time has too many rows, or is long ago', () => {
    expect(planStats({ from: NOW - MINUTE, to: NOW }, NOW, false)).toMatchObject({
      from: at('26T10:29:00'),
      to: at('26T10:31:00'),
      source: 'roll-ups',
    });
    const old = planStats({ from: NOW - 10 * DAY, to: NOW - 10 * DAY + MINUTE, bucketSeconds: 1 }, NOW, true);
    expect(old).toMatchObject({
      from: at('16T10:00:00'),
      to: at('16T11:00:00'),
      bucketSeconds: 3_600,
      source: 'roll-ups',
    });
  });

  it('divides a time into days, hours and minutes without a gap, as long ones as can be', () => {
    const { callSpans, bucketSpans } = planStats(
      { from: at('24T22:30:00'), to: at('26T10:30:00'), bucketSeconds: 1_800 },
      NOW,
      true,
    );
    expect(callSpans).toEqual([
      { step: 60, from: at('24T22:30:00'), to: at('24T23:00:00') },
      { step: 3_600, from: at('24T23:00:00'), to: at('25T00:00:00') },
      { step: 86_400, from: at('25T00:00:00'), to: at('26T00:00:00') },
      { step: 3_600, from: at('26T00:00:00'), to: at('26T10:00:00') },
      { step: 60, from: at('26T10:00:00'), to: at('26T10:30:00') },
    ]);
    expect(bucketSpans).toEqual([{ step: 60, from: at('24T22:30:00'), to: at('26T10:30:00') }]);
  });

  it.each([
    [DAY, 900],
    [7 * DAY, 7_200],
    [30 * DAY, 21_600],
    [365 * DAY, 4 * 86_400],
  ])('chooses buckets that a graph can show for %d ms', (length, bucketSeconds) => {
    expect(planStats({ from: NOW - length }, NOW, true)).toMatchObject({ bucketSeconds });
  });

  it('rounds a bucket up to what there is for so long ago', () => {
    expect(planStats({ from: NOW - DAY, bucketSeconds: 90 }, NOW, true)).toMatchObject({ bucketSeconds: 120 });
    expect(planStats({ from: NOW - 10 * DAY, bucketSeconds: 900 }, NOW, true)).toMatchObject({ bucketSeconds: 3_600 });
    expect(planStats({ from: NOW - 100 * DAY, bucketSeconds: 900 }, NOW, true)).toMatchObject({
      bucketSeconds: 86_400,
    });
  });

  it.each([
    [{ from: NOW, to: NOW }, 'from'],
    [{ from: NOW + HOUR }, 'from'],
    [{ from: NOW - 40 * HOUR, bucketSeconds: 60 }, 'bucketSeconds'],
    [{ from: 0, to: NOW, bucketSeconds: 1 }, 'bucketSeconds'],
  ])('refuses what it can not answer: %j', (request, path) => {
    expect(() => planStats(request, NOW, true)).toThrow(new RegExp(`^${path} `));
  });

  it('names a bucket that would do', () => {
    const request = { from: NOW - 40 * HOUR, to: NOW };
    expect(() => planStats({ ...request, bucketSeconds: 60 }, NOW, true)).toThrow();
    expect(() => planStats({ ...request, bucketSeconds: 120 }, NOW, true)).not.toThrow();
  });
});
