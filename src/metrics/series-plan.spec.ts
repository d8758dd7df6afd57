import fc from 'fast-check';
import { planSeries, type SeriesRequest } from './series-plan';

const NOW = Date.UTC(2026, 10, 23, 12, 0, 5);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const plan = (request: SeriesRequest, isFineWhole = true) => planSeries(request, NOW, isFineWhole);
const pathOf = (request: SeriesRequest): unknown => {
  try {
    plan(request);
    return null;
  } catch (error) {
    return (error as { errors: { path: string; message: string }[] }).errors[0]?.path;
  }
};

describe('the plan of a series', () => {
  it.each<[string, SeriesRequest, number, number]>([
    ['nothing: the last hour', {}, 10, 10],
    ['ten minutes', { from: NOW - 600_000 }, 10, 10],
    ['two hours', { from: NOW - 2 * HOUR }, 60, 60],
    ['a day', { from: NOW - DAY }, 300, 60],
    ['48 hours', { from: NOW - 2 * DAY }, 600, 60],
    ['a week', { from: NOW - 7 * DAY }, 3_600, 3_600],
    ['30 days', { from: NOW - 30 * DAY }, 7_200, 3_600],
    ['a year, most of which is not kept', { from: NOW - 365 * DAY }, 2 * 86_400, 3_600],
    ['an hour of last week', { from: NOW - 7 * DAY, to: NOW - 7 * DAY + HOUR }, 3_600, 3_600],
  ])('chooses a step for %s', (_, request, stepSeconds, source) => {
    expect(plan(request)).toMatchObject({ stepSeconds, source });
  });

  it('takes minutes for the last hour when a restart lies within, unless 10 s are asked for', () => {
    expect(plan({}, false)).toMatchObject({ stepSeconds: 60, source: 60 });
    expect(plan({ stepSeconds: 10 }, false)).toMatchObject({ stepSeconds: 10, source: 10 });
  });

  it.each<[string, SeriesRequest, number, number]>([
    ['as it is', { stepSeconds: 30 }, 30, 10],
    ['from minutes where it can', { stepSeconds: 120 }, 120, 60],
    ['from 10 s where minutes do not fit', { stepSeconds: 70 }, 70, 10],
    ['rounded up to minutes', { from: NOW - DAY, stepSeconds: 70 }, 120, 60],
    ['rounded up to hours', { from: NOW - 7 * DAY, stepSeconds: 10 }, 3_600, 3_600],
  ])('takes a step that was asked for %s', (_, request, stepSeconds, source) => {
    expect(plan(request)).toMatchObject({ stepSeconds, source });
  });

  it('covers at least what was asked for, on whole steps, with few points', () => {
    const step = fc.option(
      fc.integer({ min: 1, max: 8_640 }).map((tens) => tens * 10),
      { nil: undefined },
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 * DAY }),
        fc.integer({ min: 0, max: DAY }),
        step,
        (length, age, asked) => {
          const to = NOW - age;
          const from = to - length;
          fc.pre(asked === undefined || length / asked / 1_000 < 4_900);
          const made = plan({ from, to, stepSeconds: asked });
          const stepMs = made.stepSeconds * 1_000;
          expect([made.from % stepMs, made.to % stepMs, stepMs % (made.source * 1_000)]).toEqual([0, 0, 0]);
          expect(made.from <= from && made.from > from - stepMs && made.to >= to && made.to < to + stepMs).toBe(true);
          expect((made.to - made.from) / stepMs).toBeLessThanOrEqual(asked === undefined ? 362 : 5_000);
          expect(made.stepSeconds).toBeGreaterThanOrEqual(asked ?? 0);
        },
      ),
    );
  });

  it('names what is wrong', () => {
    expect(pathOf({ from: NOW })).toBe('from');
    expect(pathOf({ from: NOW + DAY })).toBe('from');
    expect(pathOf({ from: NOW - HOUR, to: NOW - HOUR })).toBe('from');
    expect(pathOf({ from: NOW - 40 * HOUR, stepSeconds: 10 })).toBeNull();
    expect(pathOf({ from: NOW - HOUR, to: NOW + 2 * DAY, stepSeconds: 10 })).toBe('stepSeconds');
    expect(() => plan({ from: NOW - 2_000 * DAY, stepSeconds: 3_600 })).toThrow('take at least 36000');
  });
});
