import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { OperationLog } from '../audit/operation-log';
import { OperationPruner } from '../audit/operation-pruner';
import { Clock } from '../common/clock';
import { messageOf } from '../common/domain-error';
import { AppConfig } from '../config/app-config';
import type { SettingKey } from '../settings/catalogue';
import { Settings } from '../settings/settings';
import { ClockWatch } from './clock-watch';
import { LOG_KINDS, LogAgesRepository, type LogKind } from './log-ages.repository';
import { LogPruner } from './log-pruner';
import { CleanupRunningError, ClockInDoubtError } from './logs.errors';
import { removeOldFiles } from './old-files';

export type LogCounts = Record<LogKind, number>;

export interface CleanupRequest {
  logs: readonly LogKind[];
  /** Epoch milliseconds. */
  before: number;
  dryRun: boolean;
}

const DAY_MS = 86_400_000;
const DAYS = {
  system: 'logs.systemRetentionDays',
  operations: 'logs.operationsRetentionDays',
  mcp: 'logs.mcpRetentionDays',
} as const satisfies Record<LogKind, SettingKey>;
/** The part of a log that one scheduled run deletes at most: what a wrong clock could do in a night. */
const MOST_SHARE = 0.2;
/** Rows that are later than now by more than this were written by another clock. */
const AHEAD_MS = 60_000;
/** Clients and proxies give up after 30 s and more. */
const ANSWER_MS = 20_000;

/** Deletes from the logs: what is past its days, what takes too much room, what somebody wants gone. One at a time. */
@Injectable()
export class Retention implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger(Retention.name);
  private readonly watch: ClockWatch;
  private readonly stopping = new AbortController();
  /** Logs whose days somebody has just changed: then many rows are past them, and no clock is to blame. */
  private readonly meant = new Set<LogKind>();
  private isRunning = false;
  /** A nightly run was put off. */
  private isDue = false;
  /** How long a request waits for its end, in milliseconds; tests are in a hurry. */
  answerMs = ANSWER_MS;

  constructor(
    private readonly ages: LogAgesRepository,
    private readonly logPruner: LogPruner,
    private readonly operationPruner: OperationPruner,
    private readonly operations: OperationLog,
    private readonly settings: Settings,
    private readonly clock: Clock,
    private readonly config: AppConfig,
  ) {
    this.watch = new ClockWatch(clock);
  }

  onModuleInit(): void {
    for (const log of LOG_KINDS) this.settings.onChange([DAYS[log]], () => this.meant.add(log));
  }

  onModuleDestroy(): void {
    this.stopping.abort();
  }

  /** How many rows a cleanup would delete. */
  async count({ logs, before }: CleanupRequest): Promise<LogCounts> {
    const counts = nothing();
    const now = this.clock.now();
    for (const log of logs) {
      if (log !== 'operations') counts[log] = await this.ages.countBefore(log, before);
      else counts.operations = await this.ages.countOperations(await this.ages.operationsBefore(before, now));
    }
    return counts;
  }

  /** The time so many days ago. @throws ClockInDoubtError */
  daysAgo(days: number): number {
    const doubt = days === 0 ? null : this.watch.look(null);
    if (doubt !== null) throw new ClockInDoubtError(doubt);
    return this.clock.now() - days * DAY_MS;
  }

  /**
   * Deletes what somebody wants gone, and counts it in `deleted`. Returns false when it takes long: it goes on behind the
   * answer, and `onEnd` is told how it ended. @throws CleanupRunningError
   */
  async cleanUp(request: CleanupRequest, deleted: LogCounts, onEnd: (error: unknown) => void): Promise<boolean> {
    const { signal } = this.stopping;
    const work = this.alone(async () => {
      for (const log of request.logs) await this.deleteBefore(log, request.before, Infinity, signal, deleted);
      await this.logPruner.finish(signal);
    });
    const timer = new AbortController();
    const limit = pause(this.answerMs, false, { signal: timer.signal }).catch(() => false);
    const isComplete = await Promise.race([work.then(() => true), limit]).finally(() => timer.abort());
    if (!isComplete) void work.then(() => onEnd(null), onEnd);
    return isComplete && !signal.aborted;
  }

  /** The nightly run. `seenBefore`: the last time that an earlier life of this process knew. */
  async deleteExpired(seenBefore: number | null, signal: AbortSignal): Promise<void> {
    const doubt = this.watch.look(seenBefore);
    if (doubt !== null) {
      this.logger.warn('Nothing is deleted from the logs by its age: the time is in doubt', { reason: doubt });
      if (!this.isDue) await this.record('failure', { by: 'age', reason: doubt });
      this.isDue = true;
      return;
    }
    if (this.isRunning) {
      this.isDue = true;
      return;
    }
    this.isDue = false;
    const deleted = nothing();
    const notes: Record<string, string> = {};
    await this.alone(async () => {
      for (const log of LOG_KINDS) {
        const note = await this.deleteExpiredOf(log, signal, deleted);
        if (note !== null) notes[log] = note;
      }
      await this.logPruner.finish(signal);
    });
    const cutoff = this.clock.now() - this.settings.get(DAYS.system) * DAY_MS;
    const files = await removeOldFiles(join(this.config.logDir, 'tools'), cutoff);
    if (sumOf(deleted) + files === 0 && Object.keys(notes).length === 0) return;
    this.logger.log('What is past its days was deleted from the logs', { deleted, files, ...notes });
    await this.record('success', { by: 'age', deleted, files, ...notes });
  }

  /** The look between the nightly runs: no flood of messages fills the disk. */
  async keepToSize(seenBefore: number | null, signal: AbortSignal): Promise<void> {
    const doubt = this.watch.look(seenBefore);
    if (this.isRunning) return;
    if (this.isDue && doubt === null) await this.deleteExpired(null, signal);
    const bytes = this.settings.get('logs.maxSizeBytes');
    if (bytes === 0) return;
    const deleted = nothing();
    await this.alone(async () => {
      await this.logPruner.shrinkTo(bytes, signal, (log, rows) => (deleted[log] += rows));
      if (sumOf(deleted) > 0) await this.logPruner.finish(signal);
    });
    if (sumOf(deleted) === 0) return;
    this.logger.warn('The oldest rows of the logs were deleted: they took more than logs.maxSizeBytes', {
      deleted,
      bytes,
    });
    await this.record('success', { by: 'size', limitBytes: bytes, deleted });
  }

  /** Returns what is to be said of it: why nothing or not all was deleted. */
  private async deleteExpiredOf(log: LogKind, signal: AbortSignal, deleted: LogCounts): Promise<string | null> {
    const now = this.clock.now();
    const span = await this.ages.span(log);
    if (span === null) return null;
    if (span.newestAt > now + AHEAD_MS) return 'Nothing was deleted: its newest row is of later than now';
    const most = this.meant.has(log) ? Infinity : Math.ceil(span.rows * MOST_SHARE);
    const before = now - this.settings.get(DAYS[log]) * DAY_MS;
    const isMore = await this.deleteBefore(log, before, most, signal, deleted);
    if (signal.aborted) return null;
    this.meant.delete(log);
    return isMore ? 'A fifth of it was deleted, which is the most of one run; the next ones go on' : null;
  }

  private async deleteBefore(
    log: LogKind,
    before: number,
    most: number,
    signal: AbortSignal,
    deleted: LogCounts,
  ): Promise<boolean> {
    if (log !== 'operations') {
      return this.logPruner.deleteBefore(log, before, most, signal, (_, rows) => (deleted[log] += rows));
    }
    const last = await this.ages.operationsBefore(before, this.clock.now());
    const first = (await this.ages.span(log))?.first ?? 0;
    const upTo = Math.min(last, first + most - 1);
    await this.operationPruner.deleteUpTo(upTo, signal, (rows) => (deleted.operations += rows));
    return upTo < last;
  }

  private async alone(work: () => Promise<void>): Promise<void> {
    if (this.isRunning) throw new CleanupRunningError();
    this.isRunning = true;
    try {
      await work();
    } finally {
      this.isRunning = false;
    }
  }

  private async record(outcome: 'success' | 'failure', changes: Record<string, unknown>): Promise<void> {
    await this.operations.append({ action: 'logs.cleanup', outcome, changes }).catch((error: unknown) => {
      this.logger.error('A cleanup of the logs could not be written down', { reason: messageOf(error) });
    });
  }
}

/** Counts to begin with. */
export function nothing(): LogCounts {
  return { system: 0, operations: 0, mcp: 0 };
}

function sumOf({ system, operations, mcp }: LogCounts): number {
  return system + operations + mcp;
}
