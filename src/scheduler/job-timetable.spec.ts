import { JobTimetable } from './job-timetable';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Local time, as schedules are. */
const at = (day: number, hour: number, minute = 0) => new Date(2026, 5, day, hour, minute).getTime();

describe('the timetable of a job', () => {
  it('is due once for each time that comes', () => {
    const table = new JobTimetable('0 2 * * *', at(1, 1));
    expect(table.nextAt).toBe(at(1, 2));
    expect(table.isDue(at(1, 1, 59))).toBe(false);
    expect(table.isDue(at(1, 2))).toBe(true);
    expect(table.isDue(at(1, 2))).toBe(false);
    expect(table.nextAt).toBe(at(2, 2));
    expect(table.isDue(at(2, 2) + 1)).toBe(true);
  });

  it('has seconds where there are six fields', () => {
    const table = new JobTimetable('*/10 * * * * *', at(1, 1));
    expect(table.nextAt).toBe(at(1, 1) + 10_000);
  });

  it('F63: is due once, and not for each time passed over, when the clock is put forward by two days', () => {
    const table = new JobTimetable('0 * * * *', at(1, 1, 30));
    expect(table.isDue(at(3, 1, 30))).toBe(true);
    expect(table.isDue(at(3, 1, 31))).toBe(false);
    expect(table.nextAt).toBe(at(3, 2));
  });

  it('F63: is not due again for a time that was done when the clock is put back by an hour', () => {
    const table = new JobTimetable('0 2 * * *', at(1, 1));
    expect(table.isDue(at(1, 2))).toBe(true);
    const runs = [];
    for (let now = at(1, 1, 1); now < at(4, 0); now += 10 * 60_000) if (table.isDue(now)) runs.push(now);
    expect(runs.map((run) => new Date(run).getDate())).toEqual([2, 3]);
  });

  it('F63: goes on by the right time when the clock was two days ahead for a while', () => {
    const table = new JobTimetable('0 2 * * *', at(1, 1));
    expect(table.isDue(at(3, 2))).toBe(true);
    expect(table.isDue(at(1, 1, 5))).toBe(false);
    // Its run was that of the first night, an hour early.
    expect(table.nextAt).toBe(at(2, 2));
    expect(table.isDue(at(2, 2))).toBe(true);
  });

  it('knows whether one of its times was missed', () => {
    const table = new JobTimetable('0 2 * * *', at(1, 12));
    expect(table.hasTimeBetween(at(1, 3), at(1, 12))).toBe(false);
    expect(table.hasTimeBetween(at(1, 1), at(1, 12))).toBe(true);
    expect(table.hasTimeBetween(at(1, 12) + DAY, at(1, 12))).toBe(false);
  });
});
