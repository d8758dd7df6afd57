/** A quantile that is told is at most this far (2 %) from the true one. */
export const SKETCH_ERROR = 0.02;
/** What can be told apart, in milliseconds: 10 microseconds to a day. What lies outside counts as the nearest. */
const SMALLEST_MS = 0.01;
const LARGEST_MS = 86_400_000;

const GAMMA = (1 + SKETCH_ERROR) / (1 - SKETCH_ERROR);
const LOG_GAMMA = Math.log(GAMMA);
/** Bucket 0 holds what is at most SMALLEST_MS, bucket i what is at most SMALLEST_MS * GAMMA^i. */
const BUCKETS = Math.ceil(Math.log(LARGEST_MS / SMALLEST_MS) / LOG_GAMMA) + 1;

/** Characters of an encoded sketch. */
const COMMA = 0x2c;
const COLON = 0x3a;
const ZERO = 0x30;
const NINE = 0x39;
/** What stands for ten is `a`. */
const TEN = 0x61 - 10;

/**
 * How durations are spread: counts in buckets that grow by 4 % each, so that quantiles are right within 2 % from
 * microseconds to hours, and sketches of two spans of time add up to the one of both: percentiles themselves can't be
 * merged (the mean of two p95 is the p95 of nothing). After DDSketch (Masson, Rim, Lee: VLDB 2019), with fixed bounds.
 */
export class LatencySketch {
  private readonly counts = new Float64Array(BUCKETS);
  private total = 0;

  get size(): number {
    return this.total;
  }

  /** No allocation: it is called for every call that passes. What is no duration is ignored. */
  add(ms: number): void {
    if (ms >= 0) this.addTo(bucketOf(ms), 1);
  }

  clear(): void {
    if (this.total > 0) this.counts.fill(0);
    this.total = 0;
  }

  /** The duration in milliseconds that this part (0 to 1) of all does not exceed (nearest rank); null when empty. */
  quantile(part: number): number | null {
    if (this.total === 0) return null;
    const rank = Math.max(1, Math.ceil(part * this.total));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.counts[bucket] ?? 0;
      if (seen >= rank) return valueOf(bucket);
    }
    return valueOf(BUCKETS - 1);
  }

  /** The filled buckets as `distance:count,...` in base 36, a count of one left out: a few characters a bucket. */
  encode(): string {
    const parts: string[] = [];
    let last = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const count = this.counts[bucket] ?? 0;
      if (count === 0) continue;
      const distance = (bucket - last).toString(36);
      parts.push(count === 1 ? distance : `${distance}:${count.toString(36)}`);
      last = bucket;
    }
    return parts.join(',');
  }

  /** Adds what `encode` has written. Character by character: a month of statistics is tens of thousands of these. */
  mergeEncoded(text: string): void {
    if (text === '') return;
    let bucket = 0;
    let number = 0;
    let hasCount = false;
    for (let at = 0; at <= text.length; at++) {
      // A comma behind the last part as well.
      const code = at < text.length ? text.charCodeAt(at) : COMMA;
      if (code !== COMMA && code !== COLON) {
        number = number * 36 + (code <= NINE ? code - ZERO : code - TEN);
        continue;
      }
      if (!hasCount) bucket += number;
      if (code === COMMA) this.addTo(bucket, hasCount ? number : 1);
      hasCount = code === COLON;
      number = 0;
    }
  }

  /** Adds durations of which the bucket is known. */
  addTo(bucket: number, count: number): void {
    const index = Math.min(bucket, BUCKETS - 1);
    this.counts[index] = (this.counts[index] ?? 0) + count;
    this.total += count;
  }
}

/** The bucket of a duration. */
export function bucketOf(ms: number): number {
  return ms <= SMALLEST_MS ? 0 : Math.ceil(Math.log(ms / SMALLEST_MS) / LOG_GAMMA);
}

/** `bucketOf` as SQL, for either database: one row for each bucket is less to carry than one for each duration. */
export function bucketSql(column: string): string {
  return `CASE WHEN ${column} <= ${SMALLEST_MS} THEN 0 ELSE CEIL(LN(${column} / ${SMALLEST_MS}) / ${LOG_GAMMA}) END`;
}

/** What stands for a bucket: the same relative distance from both of its ends. */
function valueOf(bucket: number): number {
  return bucket === 0 ? SMALLEST_MS : (SMALLEST_MS * 2 * GAMMA ** bucket) / (GAMMA + 1);
}
