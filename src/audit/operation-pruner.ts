import { setTimeout as pause } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock';
import { SecretKeys } from '../config/secret-keys';
import { Transactions } from '../database/transactions';
import { anchorAt } from './operation-chain';
import { OperationRepository } from './operation.repository';

/** On SQLite the event loop stands still for a piece: it is kept far below what others would notice. */
const PIECE_MS = 20;
const FIRST_PIECE = 100;
const MOST_ROWS = 2_000;
const PAUSE_MS = 10;

/** Deletes the oldest rows of the operation log, and only those: what is left is still one chain, from a signed anchor on. */
@Injectable()
export class OperationPruner {
  constructor(
    private readonly operations: OperationRepository,
    private readonly transactions: Transactions,
    private readonly keys: SecretKeys,
    private readonly clock: Clock,
  ) {}

  /** Deletes all rows up to a number, piece by piece, each with its anchor in one transaction. Tells of each piece. */
  async deleteUpTo(seq: number, signal: AbortSignal, onDeleted: (rows: number) => void): Promise<void> {
    let limit = FIRST_PIECE;
    while (!signal.aborted) {
      const piece = limit;
      const began = this.clock.monotonic();
      const deleted = await this.transactions.run((tx) =>
        this.operations.deleteFirst(tx, seq, piece, (last) => anchorAt('start', last, this.keys.operationChain)),
      );
      if (deleted === 0) return;
      onDeleted(deleted);
      const ratio = PIECE_MS / Math.max(1, this.clock.monotonic() - began);
      limit = Math.round(Math.min(MOST_ROWS, Math.max(1, limit * Math.min(2, ratio))));
      await pause(PAUSE_MS);
    }
  }
}
