import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { addressKey } from '../common/client-address';
import { Clock } from '../common/clock';
import { type Actor, ANONYMOUS, currentRequest } from '../common/request-context';
import { DatabaseWriters } from '../database/database-writers';
import { OperationLog } from './operation-log';

/** Rows that one caller's refusals may cause a minute; the rest is counted. */
const ROWS_A_MINUTE = 10;
const WINDOW_MS = 60_000;
/** Callers remembered at once; the oldest go first. */
const MAX_CALLERS = 10_000;

interface Window {
  startedAt: number;
  rows: number;
  missed: number;
  actor: Actor;
  ip: string;
}

/**
 * Refused tries (401, 403, 429) in the operation log: a flood of them can't fill it, and none is lost. Each caller (a user,
 * an API key, or an address nobody is known behind) has ten rows a minute. What got none is told by the caller's first row
 * of a later minute, or by a row of its own (`http.refused`) when the caller does not come back.
 */
@Injectable()
export class Refusals implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger(Refusals.name);
  /** In the order of their beginnings, since every window is as long as the others. */
  private readonly windows = new Map<string, Window>();
  /** Refusals without a row, of callers that had to be forgotten. */
  private forgotten = 0;
  private sweep: NodeJS.Timeout | null = null;

  constructor(
    private readonly operations: OperationLog,
    private readonly writers: DatabaseWriters,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.writers.register(() => this.flush(() => true));
    this.sweep = setInterval(() => void this.flushEnded(), WINDOW_MS).unref();
  }

  onModuleDestroy(): void {
    if (this.sweep) clearInterval(this.sweep);
  }

  /** Of the current request. A row that can't be written is logged: the caller gets the refusal anyway. */
  async record(entry: { action: string; status: number; changes: Record<string, unknown> }): Promise<void> {
    const missed = this.admit();
    if (missed === null) return;
    const changes = missed > 0 ? { ...entry.changes, notRecordedBefore: missed } : entry.changes;
    await this.operations.append({ ...entry, outcome: 'refused', changes }).catch(this.complain);
  }

  /** Writes down how many refusals of callers that have not come back got no row. */
  flushEnded(): Promise<void> {
    return this.flush((window) => this.isOver(window));
  }

  /** Whether the current caller's refusal gets a row: how many before it got none, or null for "count only". */
  private admit(): number | null {
    const request = currentRequest();
    const actor = request?.actor ?? ANONYMOUS;
    const ip = request?.ip ?? '';
    const key = actor.id === null ? `address ${addressKey(ip)}` : `${actor.type} ${actor.id}`;
    const window = this.windows.get(key);
    if (window === undefined || this.isOver(window)) {
      this.windows.delete(key);
      this.windows.set(key, { startedAt: this.clock.monotonic(), rows: 1, missed: 0, actor, ip });
      this.forgetOldest();
      return window?.missed ?? 0;
    }
    if (window.rows < ROWS_A_MINUTE) {
      window.rows++;
      return 0;
    }
    window.missed++;
    return null;
  }

  private isOver(window: Window): boolean {
    return this.clock.monotonic() - window.startedAt >= WINDOW_MS;
  }

  private async flush(isDue: (window: Window) => boolean): Promise<void> {
    const forgotten = this.forgotten;
    this.forgotten = 0;
    if (forgotten > 0) await this.tell({ missed: forgotten, actor: ANONYMOUS });
    for (const [key, window] of this.windows) {
      // The others began later.
      if (!isDue(window)) return;
      this.windows.delete(key);
      if (window.missed > 0) await this.tell(window);
    }
  }

  private forgetOldest(): void {
    if (this.windows.size <= MAX_CALLERS) return;
    const [oldest] = this.windows;
    if (oldest === undefined) return;
    this.windows.delete(oldest[0]);
    this.forgotten += oldest[1].missed;
  }

  private async tell({ missed, actor, ip }: { missed: number; actor: Actor; ip?: string }): Promise<void> {
    await this.operations
      .append({ action: 'http.refused', outcome: 'refused', changes: { notRecordedBefore: missed }, actor, ip })
      .catch(this.complain);
  }

  private readonly complain = (failure: unknown): void => {
    this.logger.error('A refused request could not be recorded', failure);
  };
}
