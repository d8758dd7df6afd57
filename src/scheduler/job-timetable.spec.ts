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

  it.each([
    ['Europe/Berlin', '2026-03-28', '2026-10-24'],
    ['America/New_York', '2026-03-07', '2026-10-31'],
    ['America/Sao_Paulo', '2018-11-03', '2018-02-16'],
    ['UTC', '2026-03-28', '2026-10-24'],
  ])('is due once each day in %s, also in the nights when the clocks go forward and back', (zone, ...nights) => {
    const dayOf = new Intl.DateTimeFormat('sv', { timeZone: zone, dateStyle: 'short' });
    for (const night of nights) {
      for (const hour of [0, 1, 2, 3]) {
        const noon = new Date(`${night}T12:00:00Z`).getTime();
        const table = new JobTimetable(`30 ${hour} * * *`, noon, zone);
        const days: string[] = [];
        for (let now = noon; now < noon + 3.5 * DAY; now += 10 * 60_000) {
          if (table.isDue(now)) days.push(dayOf.format(now));
        }
        expect(days.length).toBeGreaterThanOrEqual(3);
        expect([hour, ...days]).toEqual([hour, ...new Set(days)]);
      }
    }
  });

  it('is due every half hour in the night that has one hour twice', () => {
    const from = new Date('2026-10-24T23:00:00Z').getTime();
    const table = new JobTimetable('*/30 * * * *', from, 'Europe/Berlin');
    let runs = 0;
    for (let now = from; now <= from + 5 * HOUR; now += 60_000) if (table.isDue(now)) runs++;
    expect(runs).toBe(10);
  });

  it('knows whether one of its times was missed', () => {
    const table = new JobTimetable('0 2 * * *', at(1, 12));
    expect(table.hasTimeBetween(at(1, 3), at(1, 12))).toBe(false);
    expect(table.hasTimeBetween(at(1, 1), at(1, 12))).toBe(true);
    expect(table.hasTimeBetween(at(1, 12) + DAY, at(1, 12))).toBe(false);
  });
});
