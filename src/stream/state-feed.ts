import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { messageOf } from '../common/domain-error';
import type { ReadView } from '../events/live-views';

const RETRY_MS = 1_000;

/**
 * Tells how things are when they have changed. They are read one after another, so that what is told last is how it is; one
 * that changes often is read as often as that goes, not as often as it changes.
 */
export class StateFeed {
  private readonly logger = new Logger('Events');
  private readonly changed = new Set<string>();
  private turn: Promise<void> = Promise.resolve();

  constructor(
    private readonly read: ReadView,
    private readonly tell: (id: string, view: object) => void,
    /** Nothing is read that nobody would hear. */
    private readonly isWanted: () => boolean,
  ) {}

  note(id: string): void {
    if (!this.isWanted() || this.changed.has(id)) return;
    this.changed.add(id);
    void this.inTurn(() => this.readOne(id));
  }

  /** Runs `work` when nothing else is being read; rejects as it does. */
  inTurn(work: () => Promise<void> | void): Promise<void> {
    const done = this.turn.then(work);
    this.turn = done.catch(() => undefined);
    return done;
  }

  private async readOne(id: string): Promise<void> {
    this.changed.delete(id);
    try {
      const view = await this.read(id);
      if (view !== null) this.tell(id, view);
    } catch (error) {
      this.logger.debug('A state can not be read for a moment', { id, reason: messageOf(error) });
      void delay(RETRY_MS, undefined, { ref: false }).then(() => this.note(id));
    }
  }
}
