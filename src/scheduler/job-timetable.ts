import { CronTime } from 'cron';

const HOURS_OF_A_CHANGE = 3;

/**
 * When one job is due, by the wall clock, which may jump. Asked often (`isDue`), it needs no timer of its own: a clock put
 * forward brings one run, not as many as were passed over; one put back brings none that was done already.
 */
export class JobTimetable {
  private nextDueAt: number;
  /** For which of its times it ran last. */
  private doneDueAt: number | null = null;
  private lastLookAt: number;

  /** `zone`: for tests; else the server's own. @throws when the expression is no cron expression, or never comes */
  constructor(
    readonly expression: string,
    now: number,
    private readonly zone?: string,
  ) {
    this.lastLookAt = now;
    this.nextDueAt = this.after(now);
  }

  get nextAt(): number {
    return this.nextDueAt;
  }

  /** True once for each time that has come. */
  isDue(now: number): boolean {
    if (now < this.lastLookAt) {
      this.nextDueAt = this.after(now);
      if (this.nextDueAt === this.doneDueAt) this.nextDueAt = this.after(this.nextDueAt);
    }
    this.lastLookAt = now;
    if (now < this.nextDueAt) return false;
    this.doneDueAt = this.nextDueAt;
    this.nextDueAt = this.after(now);
    return true;
  }

  /** Whether one of its times lies between two moments. */
  hasTimeBetween(from: number, to: number): boolean {
    return from < to && this.after(from) <= to;
  }

  /**
   * In the night when the clocks go back, the library also names the hour before the right one (2:00 for 3:00): a time that
   * the expression doesn't say is passed over. Only where clocks went forward it stands for one that there isn't.
   */
  private after(moment: number): number {
    const cron = new CronTime(this.expression, this.zone);
    for (let from = moment; ;) {
      const next = cron.getNextDateFrom(new Date(from), this.zone);
      const wentForward = next.offset > next.minus({ hours: HOURS_OF_A_CHANGE }).offset;
      if (wentForward || this.says(next.setZone('UTC', { keepLocalTime: true }).toMillis())) return next.toMillis();
      from = next.toMillis();
    }
  }

  /** Whether the expression names a time of the wall clock, here that of a zone whose clocks never change. */
  private says(wall: number): boolean {
    return new CronTime(this.expression, 'UTC').getNextDateFrom(new Date(wall - 1_000), 'UTC').toMillis() === wall;
  }
}
