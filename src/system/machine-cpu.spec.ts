import { machineTime, machineTimeByCores } from './machine-cpu';

describe('what all cores of the machine have done', () => {
  it('is told in two ways, and both tell the same', () => {
    const [before, now, after] = [machineTimeByCores(), machineTime(), machineTimeByCores()];
    // The same counters in another unit: what was busy is the same part of all.
    const part = ({ busy, total }: { busy: number; total: number }) => busy / total;
    const parts = [part(before), part(after)];
    expect(part(now)).toBeGreaterThanOrEqual(Math.min(...parts) - 0.001);
    expect(part(now)).toBeLessThanOrEqual(Math.max(...parts) + 0.001);
  });

  it('grows while somebody works', () => {
    const before = machineTime();
    const until = performance.now() + 200;
    while (performance.now() < until);
    const after = machineTime();
    expect(after.busy).toBeGreaterThan(before.busy);
    expect(after.total).toBeGreaterThan(before.total);
  });
});
