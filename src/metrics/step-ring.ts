import type { MetricPoint, StampedPoint } from './metric-point';
import { FINE_KEPT_MS, FINE_STEP_SECONDS, SLACK_MS, startOfStep } from './steps';

const STEP_MS = FINE_STEP_SECONDS * 1_000;
/** The promised hour, the slack, and the step that is under way. */
const SLOTS = (FINE_KEPT_MS + SLACK_MS) / STEP_MS + 2;

/**
 * The 10 s steps of the last hour of one series, in memory: a point is a short text (about 100 bytes), a step without one
 * costs nothing. A slot knows its step, so a clock that jumps shows no old point as a new one.
 */
export class StepRing {
  private starts: Float64Array | null = null;
  private points: (string | undefined)[] = [];

  /** Adds to what the step has already. */
  add(start: number, point: MetricPoint): void {
    if (this.starts === null) {
      this.starts = new Float64Array(SLOTS).fill(NaN);
      this.points = new Array<string | undefined>(SLOTS).fill(undefined);
    }
    const slot = slotOf(start);
    const known = this.starts[slot] === start ? this.points[slot] : undefined;
    if (known !== undefined) point.mergeEncoded(known);
    this.starts[slot] = start;
    this.points[slot] = point.encode();
  }

  /** The encoded points from one moment up to another, oldest first. */
  between(from: number, to: number): StampedPoint[] {
    const found: StampedPoint[] = [];
    const oldest = Math.max(startOfStep(from, STEP_MS), startOfStep(to, STEP_MS) - SLOTS * STEP_MS);
    for (let start = oldest; start < to; start += STEP_MS) {
      const slot = slotOf(start);
      const text = this.starts?.[slot] === start ? this.points[slot] : undefined;
      if (text !== undefined) found.push([start, text]);
    }
    return found;
  }
}

function slotOf(start: number): number {
  const slot = (start / STEP_MS) % SLOTS;
  return slot < 0 ? slot + SLOTS : slot;
}
