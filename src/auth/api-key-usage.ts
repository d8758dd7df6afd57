import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { messageOf } from '../common/domain-error';
import { DatabaseWriters } from '../database/database-writers';
import { Transactions } from '../database/transactions';
import { ApiKeyRepository } from './api-key.repository';

const WRITE_EVERY_MS = 60_000;

/** When keys were last used: noted in memory at each use, written once a minute for all keys together. */
@Injectable()
export class ApiKeyUsage implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger(ApiKeyUsage.name);
  private pending = new Map<string, number>();
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly keys: ApiKeyRepository,
    private readonly transactions: Transactions,
    private readonly writers: DatabaseWriters,
  ) {}

  onModuleInit(): void {
    this.writers.register(() => this.write());
  }

  onModuleDestroy(): void {
    if (this.timer) clearTimeout(this.timer);
  }

  /** `now`: epoch milliseconds. */
  note(id: string, now: number): void {
    this.pending.set(id, now);
    this.timer ??= setTimeout(() => void this.write(), WRITE_EVERY_MS).unref();
  }

  /** What is not written yet; null: what is stored holds. */
  lastUsedAt(id: string): number | null {
    return this.pending.get(id) ?? null;
  }

  /** A write that fails is tried again with the next one. */
  async write(): Promise<void> {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    if (this.pending.size === 0) return;
    const batch = this.pending;
    this.pending = new Map();
    try {
      await this.transactions.run((tx) => this.keys.noteUse(batch, tx));
    } catch (error) {
      this.pending = new Map([...batch, ...this.pending]);
      this.logger.warn('When API keys were last used could not be written', { reason: messageOf(error) });
    }
  }
}
