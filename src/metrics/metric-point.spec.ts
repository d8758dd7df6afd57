import fc from 'fast-check';
import { MetricPoint } from './metric-point';

type Event = ['sample' | 'count' | 'duration', number];
const events = fc.array(fc.tuple(fc.constantFrom('sample', 'count', 'duration'), fc.integer({ min: 1, max: 10_000 })));

function pointOf(given: Event[]): MetricPoint {
  const point = new MetricPoint();
  for (const [kind, value] of given) {
    if (kind === 'sample') point.sample('cpu', value);
    else if (kind === 'count') point.count('calls', value);
    else point.duration(value);
  }
  return point;
}

const told = (point: MetricPoint) => [point.average('cpu'), point.counted('calls'), point.quantile(0.5)];

describe('a point', () => {
  it('averages samples, adds up counts and tells quantiles', () => {
    const point = pointOf([
      ['sample', 10],
      ['sample', 30],
      ['count', 2],
      ['count', 1],
      ['duration', 100],
    ]);
    expect(point.average('cpu')).toBe(20);
    expect(point.counted('calls')).toBe(3);
    expect(point.quantile(0.95)).toBeCloseTo(100, -1);
  });

  it('knows what was not measured', () => {
    expect(told(new MetricPoint())).toEqual([null, 0, null]);
    expect(new MetricPoint().encode()).toBe('{}');
  });

  it('merged in any way, also by way of storage, is the point of all that was measured', () => {
    fc.assert(
      fc.property(events, events, (some, others) => {
        const all = told(pointOf([...some, ...others]));
        const stored = MetricPoint.decode(pointOf(others).encode());
        stored.mergeEncoded(pointOf(some).encode());
        expect(told(stored)).toEqual(all);
      }),
    );
  });

  it('is as new once cleared', () => {
    const point = pointOf([
      ['sample', 1],
      ['count', 1],
      ['duration', 1],
    ]);
    point.clear();
    expect(point.encode()).toBe('{}');
    expect(told(point)).toEqual([null, 0, null]);
  });
});
