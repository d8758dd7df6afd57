import { CronTime } from 'cron';

/**
 * When one job is due, by the wall clock, which may jump. Asked often (`isDue`), it needs no timer of its own: a clock put
 * forward brings one run, not as many as were passed over; one put back brings none that was done already.
 */
export class JobTimetable {
  private nextDueAt: number;
  /** For which of its times it ran last. */
  private doneDueAt: number | null = null;
  private lastLookAt: number;

  /** @throws when the expression is no cron expression */
  constructor(
    private readonly expression: string,
    now: number,
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

  private after(moment: number): number {
    return new CronTime(this.expression).getNextDateFrom(new Date(moment)).toMillis();
  }
}
