import { Injectable } from '@nestjs/common';
import { Clock, toTimestamp } from '../common/clock';
import { LOG_LEVELS } from '../config/variables';
import { summarizeCalls } from './call-summary';
import { bucketsOf, planStats, type StatsPlan, type StatsRequest } from './log-stats-plan';
import type { LogStatsView, OperationStatsView, StatsBucketView, SystemStatsView } from './log-stats.dto';
import { type CountedEntries, type CountedOperations, LogStatsRepository } from './log-stats.repository';
import { LogStorageRepository } from './log-storage.repository';
import { LogSettling } from './log-settling';
import { Recorder } from './recorder.service';

/** So many messages are counted from their rows at most; beyond it the roll-ups are. */
const MOST_ROWS = 50_000;

/** Counts what happened: in short times from the rows, in long ones from the roll-ups. */
@Injectable()
export class LogStatsService {
  constructor(
    private readonly counts: LogStatsRepository,
    private readonly storage: LogStorageRepository,
    private readonly settling: LogSettling,
    private readonly recorder: Recorder,
    private readonly clock: Clock,
  ) {}

  /** @throws ValidationFailedError, QueryTooSlowError */
  async read(request: StatsRequest): Promise<LogStatsView> {
    await this.settling.all();
    const plan = await this.plan(request);
    const [{ entries, calls }, operations, storage] = await Promise.all([
      this.counts.count(plan),
      this.counts.countOperations(plan),
      this.storage.read(),
    ]);
    const { queued, written, dropped, spoolBytes } = this.recorder.counters;
    const messages = entries.filter(({ log }) => log === 'mcp');
    return {
      from: toTimestamp(plan.from),
      to: toTimestamp(plan.to),
      bucketSeconds: plan.bucketSeconds,
      system: byLevel(entries.filter(({ log }) => log === 'system')),
      operations: byAction(operations),
      mcp: { total: sumOf(messages), byMethod: await summarizeCalls(calls) },
      buckets: series(plan, entries, operations),
      storage,
      recorder: { queued, written, dropped, spoolBytes },
    };
  }

  private async plan(request: StatsRequest): Promise<StatsPlan> {
    const now = this.clock.now();
    const plan = planStats(request, now, true);
    if (plan.source === 'roll-ups') return plan;
    const isMuch = (await this.counts.messagesBetween(plan.from, plan.to)) > MOST_ROWS;
    return isMuch ? planStats(request, now, false) : plan;
  }
}

function byLevel(entries: CountedEntries[]): SystemStatsView {
  const counts: Record<string, number> = {};
  for (const { part, entries: count } of entries) {
    const level = LOG_LEVELS[Number(part)] ?? 'info';
    counts[level] = (counts[level] ?? 0) + count;
  }
  return { total: sumOf(entries), byLevel: counts };
}

function byAction(operations: CountedOperations[]): OperationStatsView {
  const actions = new Map<string, { action: string; success: number; failure: number; refused: number; all: number }>();
  for (const { action, outcome, count } of operations) {
    const known = actions.get(action) ?? { action, success: 0, failure: 0, refused: 0, all: 0 };
    if (outcome === 'success' || outcome === 'failure' || outcome === 'refused') known[outcome] += count;
    known.all += count;
    actions.set(action, known);
  }
  const sorted = [...actions.values()].sort((a, b) => b.all - a.all);
  return {
    total: sorted.reduce((sum, { all }) => sum + all, 0),
    byAction: sorted.map(({ action, success, failure, refused }) => ({ action, success, failure, refused })),
  };
}

function series(plan: StatsPlan, entries: CountedEntries[], operations: CountedOperations[]): StatsBucketView[] {
  const buckets = new Map(
    bucketsOf(plan).map((at) => [at, { at: toTimestamp(at), system: 0, operations: 0, mcp: 0, errors: 0 }]),
  );
  for (const { at, log, entries: count, errors } of entries) {
    const bucket = buckets.get(at);
    if (!bucket) continue;
    bucket[log === 'system' ? 'system' : 'mcp'] += count;
    bucket.errors += errors;
  }
  for (const { at, count } of operations) {
    const bucket = buckets.get(at);
    if (bucket) bucket.operations += count;
  }
  return [...buckets.values()];
}

function sumOf(entries: CountedEntries[]): number {
  return entries.reduce((sum, { entries: count }) => sum + count, 0);
}
