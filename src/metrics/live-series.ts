import { MetricPoint, type StampedPoint } from './metric-point';
import { StepRing } from './step-ring';
import { FINE_STEP_SECONDS, MINUTE_MS, startOfStep } from './steps';

const STEP_MS = FINE_STEP_SECONDS * 1_000;
/** How many minutes wait for a database that is away; then the oldest go. */
const UNSAVED_LIMIT = 180;

/** A minute, or a part of one, that the database does not have yet. Replaced and never changed, so it can be compared. */
export interface UnsavedMinute {
  readonly text: string;
  /** Whether what the database has of this minute is in it: then it replaces the row, else it is added to it. */
  readonly isWhole: boolean;
}

/** One series as it grows: the step under way, the hour in memory, the minutes on their way to the database. */
export class LiveSeries {
  /** Minutes that were given up because the database was away for too long. */
  lost = 0;
  /** Counts the removals of saved minutes: who reads the database meanwhile has to read again. */
  saves = 0;
  private step = NaN;
  private readonly current = new MetricPoint();
  private readonly ring = new StepRing();
  private readonly minutes = new Map<number, UnsavedMinute>();

  /** The point of the step of this moment (epoch milliseconds); asking for it already says that there was something. */
  at(now: number): MetricPoint {
    if (!(now >= this.step && now < this.step + STEP_MS)) {
      this.settle();
      this.step = startOfStep(now, STEP_MS);
    }
    return this.current;
  }

  /** Hands on what the step under way has so far; more of it may follow. */
  settle(): void {
    if (Number.isNaN(this.step)) return;
    const { step, current } = this;
    this.addToMinute(startOfStep(step, MINUTE_MS), current);
    this.ring.add(step, current);
    current.clear();
    this.step = NaN;
  }

  /** The 10 s steps from one moment up to another. */
  fineBetween(from: number, to: number): StampedPoint[] {
    this.settle();
    return this.ring.between(from, to);
  }

  /** Minutes that the database does not have yet, by their beginning. */
  get unsaved(): ReadonlyMap<number, UnsavedMinute> {
    return this.minutes;
  }

  /** Makes an unsaved minute whole by what the database has of it (null: nothing). */
  complete(minute: number, stored: string | null): UnsavedMinute | null {
    const unsaved = this.minutes.get(minute);
    if (unsaved === undefined) return null;
    if (unsaved.isWhole) return unsaved;
    const whole = { text: stored === null ? unsaved.text : merged(stored, unsaved.text), isWhole: true };
    this.minutes.set(minute, whole);
    return whole;
  }

  /** The database has it now; what has come since then stays. */
  saved(minute: number, written: UnsavedMinute): void {
    if (this.minutes.get(minute) !== written) return;
    this.minutes.delete(minute);
    this.saves += 1;
  }

  private addToMinute(minute: number, point: MetricPoint): void {
    const known = this.minutes.get(minute);
    const text = known === undefined ? point.encode() : merged(known.text, point.encode());
    this.minutes.set(minute, { text, isWhole: known?.isWhole ?? false });
    if (this.minutes.size <= UNSAVED_LIMIT) return;
    this.minutes.delete(Math.min(...this.minutes.keys()));
    this.lost += 1;
  }
}

function merged(one: string, other: string): string {
  const point = MetricPoint.decode(one);
  point.mergeEncoded(other);
  return point.encode();
}
