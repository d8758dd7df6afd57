import type { LogTarget } from '../database/log-database';
import type { LogEntryRow, LogName, Loss, RowValues } from './log-batch';
import type { Upkeep, UpkeepDone } from './log-store';
import type { MessageBatch } from './message-batch';

/** What the writer's thread is started with. */
export interface WriterData {
  target: LogTarget;
  spoolFolder: string;
  spoolMaxBytes: number;
}

/** Rows of the system log come as they are stored: there is nothing of a tool in them. */
export type BatchContent = { log: 'mcp'; messages: MessageBatch } | { log: 'system'; rows: RowValues[] };

/** What the writer is asked. */
export type WriterRequest =
  /** `backlog`: how many records wait behind this batch. */
  | { type: 'write'; batch: number; content: BatchContent; losses: Loss[]; backlog: number }
  /** From now on these values of a tool are not stored, in place of those said before. */
  | { type: 'protect'; toolId: string; values: string[] }
  /** Whether rows are to be told after their commit. */
  | { type: 'follow'; on: boolean }
  /** A piece of what keeps the logs small. */
  | { type: 'upkeep'; number: number; work: Upkeep }
  | { type: 'close' };

/** What the writer says. */
export type WriterMessage =
  /** The batch is stored, or in the spool, or given up: whatever it is, it is out of the sender's hands. */
  | { type: 'taken'; batch: number; state: WriterState }
  | { type: 'state'; state: WriterState }
  | { type: 'lost'; losses: Loss[] }
  | { type: 'committed'; rows: CommittedRow[] }
  /** From here on no row is committed without being told, until that is not wanted any more. */
  | { type: 'following' }
  /** The database does not take rows: they go to the spool. */
  | { type: 'behind'; reason: string }
  | { type: 'caught-up' }
  | { type: 'kept-up'; number: number; done: UpkeepDone }
  | { type: 'not-kept-up'; number: number; reason: string }
  | { type: 'closed'; state: WriterState };

export interface WriterState {
  /** Rows committed since the writer began. */
  written: Record<LogName, number>;
  /** Rows that wait in the spool; those that an earlier run has left are not counted. */
  spooled: number;
  spoolBytes: number;
  /** Time of the oldest row that waits in the spool, in epoch milliseconds. */
  oldestAt: number | null;
  /** How long the last commit took, in milliseconds. */
  flushMs: number;
  /** Rows of before this run are being added to the roll-ups. */
  isRollingUp: boolean;
}

/** A row after its commit, with its number; of a message all but the payload. */
export interface CommittedRow extends LogEntryRow {
  seq: number;
}
