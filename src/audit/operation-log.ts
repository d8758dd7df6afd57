import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { Clock } from '../common/clock';
import { newId } from '../common/ids';
import { withoutNul } from '../common/nul';
import { redact } from '../common/redaction';
import { type Actor, currentRequest, SYSTEM_ACTOR, type Target } from '../common/request-context';
import { SecretKeys } from '../config/secret-keys';
import { Transactions, type Tx } from '../database/transactions';
import { Events } from '../events/events';
import { AppendTurns } from './append-turns';
import { anchorAt, GENESIS, hashOfOperation } from './operation-chain';
import { Operation, type OperationOutcome } from './operation.entity';
import { OperationRepository } from './operation.repository';

export interface OperationEntry {
  /** `noun.verb` */
  action: string;
  outcome: OperationOutcome;
  target?: Target | null;
  /** Before and after of non-secret fields, or why it failed. Never a secret. */
  changes?: Record<string, unknown> | null;
  status?: number | null;
  /** Who did it, where the request does not know yet (a login). */
  actor?: Actor;
  /** From where, in rows that are written outside of a request. */
  ip?: string;
}

/** Longest texts that the columns take; names given by strangers (a login with a wrong name) are cut, not refused. */
const MAX_NAME = 200;
const MAX_ID = 64;

/** Writes the operation log: rows chained by an HMAC with a key that is not in the database. */
@Injectable()
export class OperationLog implements OnApplicationBootstrap {
  private readonly logger = new Logger(OperationLog.name);
  private readonly turns = new AppendTurns();

  constructor(
    private readonly repository: OperationRepository,
    private readonly transactions: Transactions,
    private readonly keys: SecretKeys,
    private readonly clock: Clock,
    private readonly events: Events,
  ) {}

  /** A log of before there were anchors gets one, once: its row shows when, and a second such row that somebody took one away. */
  async onApplicationBootstrap(): Promise<void> {
    const { end } = await this.repository.anchors();
    if (end !== undefined || (await this.repository.span()) === null) return;
    this.logger.warn('The end of the operation log was not signed; it is from now on');
    await this.append({ action: 'operations.sign', outcome: 'success' }, undefined, true);
  }

  /** Writes one row; with `tx` it stands or falls with the change that it describes. `signsAnew`: an end that is not signed is. */
  async append(entry: OperationEntry, tx?: Tx, signsAnew = false): Promise<void> {
    const request = currentRequest();
    const actor = entry.actor ?? request?.actor ?? SYSTEM_ACTOR;
    const target = entry.target ?? request?.target ?? null;
    const mask = request?.mask ?? redact;
    const key = this.keys.operationChain;
    const make = (last: { seq: number; hash: string } | null) => {
      const row = Object.assign(new Operation(), {
        seq: (last?.seq ?? 0) + 1,
        id: newId(),
        at: this.clock.now(),
        actorType: actor.type,
        actorId: actor.id,
        actorName: storable(actor.name, MAX_NAME),
        action: entry.action,
        targetType: target?.type ?? null,
        targetId: target?.id ? storable(target.id, MAX_ID) : null,
        targetName: target?.name ? storable(target.name, MAX_NAME) : null,
        outcome: entry.outcome,
        status: entry.status ?? null,
        ip: (entry.ip ?? request?.ip)?.slice(0, 64) ?? null,
        requestId: request?.requestId ?? null,
        changes: entry.changes ? mask(JSON.stringify(entry.changes)) : null,
        prevHash: last?.hash ?? GENESIS,
      });
      row.hash = hashOfOperation(row, key);
      return row;
    };
    const write = (inside: Tx) =>
      this.repository.append(
        inside,
        (last) => {
          const row = make(last);
          this.transactions.afterCommit(inside, () => this.events.tell('operation.recorded', { seq: row.seq }));
          return row;
        },
        (row) => anchorAt('end', row, key),
        signsAnew,
      );
    await (tx ? write(tx) : this.turns.run(() => this.transactions.run(write)));
    if (request) request.operationRecorded = true;
  }
}

/** Exactly what the database will give back, or the hash would not fit it: UTF-8 has no half characters, text no NUL. */
function storable(text: string, maxCharacters: number): string {
  return withoutNul(text.slice(0, maxCharacters)).replace(/\p{Surrogate}/gu, '\uFFFD');
}
