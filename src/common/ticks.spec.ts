import { everySeconds } from './ticks';

describe('what is done every few seconds', () => {
  let done: string[];
  let stops: (() => void)[];
  const every = (seconds: number, name: string) => {
    const stop = everySeconds(seconds, () => void done.push(name));
    stops.push(stop);
    return stop;
  };
  beforeEach(() => {
    jest.useFakeTimers();
    done = [];
    stops = [];
  });
  afterEach(() => {
    for (const stop of stops) stop();
    jest.useRealTimers();
  });

  it('is done in the same moments as all else, each at its own pace, by one timer', () => {
    every(1, 'one');
    jest.advanceTimersByTime(700);
    every(2, 'two');
    every(5, 'five');
    expect(jest.getTimerCount()).toBe(1);
    const moments = Array.from({ length: 10 }, () => {
      done = [];
      jest.advanceTimersByTime(1_000);
      return done.length;
    });
    expect(moments.filter((count) => count === 1)).toHaveLength(4);
    expect(moments.reduce((sum, count) => sum + count, 0)).toBe(10 + 5 + 2);
  });

  it('is not done any more once it was stopped, and leaves no timer', () => {
    const stop = every(1, 'one');
    const other = every(1, 'other');
    jest.advanceTimersByTime(1_000);
    stop();
    stop();
    jest.advanceTimersByTime(1_000);
    expect(done).toEqual(['one', 'other', 'other']);
    other();
    expect(jest.getTimerCount()).toBe(0);
    every(1, 'again');
    jest.advanceTimersByTime(1_000);
    expect(done.at(-1)).toBe('again');
  });

  it('may begin and stop others, which takes hold at once', () => {
    stops.push(
      everySeconds(1, () => {
        last();
        if (done.length === 0) every(1, 'late');
        done.push('first');
      }),
    );
    const last = every(1, 'last');
    jest.advanceTimersByTime(1_000);
    expect(done).toEqual(['first']);
    jest.advanceTimersByTime(1_000);
    expect(done).toEqual(['first', 'first', 'late']);
  });

  it('takes nobody else his turn when it fails, and what it throws is seen', () => {
    const reports: (() => void)[] = [];
    const nextTick = jest.spyOn(process, 'nextTick');
    nextTick.mockImplementation((report: unknown) => void reports.push(report as () => void));
    stops.push(
      everySeconds(1, () => {
        throw new Error('boom');
      }),
    );
    every(1, 'other');
    jest.advanceTimersByTime(2_000);
    nextTick.mockRestore();
    expect(done).toEqual(['other', 'other']);
    expect(reports).toHaveLength(2);
    for (const report of reports) expect(report).toThrow('boom');
  });
});
