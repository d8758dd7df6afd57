import fc from 'fast-check';
import { LatencySketch, SKETCH_ERROR } from './latency-sketch';

const durations = fc.array(fc.double({ min: 0.01, max: 86_400_000, noNaN: true }), { minLength: 1, maxLength: 300 });
const part = fc.double({ min: 0, max: 1, noNaN: true });

function sketchOf(values: number[]): LatencySketch {
  const sketch = new LatencySketch();
  for (const value of values) sketch.add(value);
  return sketch;
}

function nearestRank(values: number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1] ?? NaN;
}

function fromText(text: string): LatencySketch {
  const sketch = new LatencySketch();
  sketch.mergeEncoded(text);
  return sketch;
}

describe('the sketch of durations', () => {
  it('tells every quantile within two percent', () => {
    fc.assert(
      fc.property(durations, part, (values, q) => {
        const exact = nearestRank(values, q);
        const told = sketchOf(values).quantile(q) ?? NaN;
        expect(Math.abs(told - exact) / exact).toBeLessThanOrEqual(SKETCH_ERROR + 1e-9);
      }),
    );
  });

  it('is merged the sketch of all values together', () => {
    fc.assert(
      fc.property(durations, durations, (some, others) => {
        const merged = sketchOf(some);
        merged.mergeEncoded(sketchOf(others).encode());
        const union = sketchOf([...some, ...others]);
        expect([merged.encode(), merged.size]).toEqual([union.encode(), union.size]);
      }),
    );
  });

  it('is after storing what it was', () => {
    fc.assert(
      fc.property(durations, part, (values, q) => {
        const stored = fromText(sketchOf(values).encode());
        expect([stored.size, stored.quantile(q)]).toEqual([values.length, sketchOf(values).quantile(q)]);
      }),
    );
  });

  it('counts what is too short or too long as the nearest that it knows, and ignores what is no duration', () => {
    const sketch = sketchOf([0, 1e-9, 1e12, Infinity, -1, NaN]);
    expect(sketch.size).toBe(4);
    expect(sketch.quantile(0.5)).toBe(0.01);
    expect(sketch.quantile(1)).toBeGreaterThan(80_000_000);
  });

  it('is empty at first and once cleared', () => {
    const sketch = sketchOf([]);
    expect([sketch.quantile(0.5), sketch.encode()]).toEqual([null, '']);
    sketch.add(5);
    sketch.clear();
    expect([sketch.quantile(0.5), sketch.size, fromText(sketch.encode()).size]).toEqual([null, 0, 0]);
  });

  it('is stored in a few characters', () => {
    const text = sketchOf(Array.from({ length: 10_000 }, (_, index) => 5 + (index % 100) / 10)).encode();
    expect(text.length).toBeLessThan(200);
  });
});
