import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { everySeconds } from '../common/ticks';
import type { EventWriter } from './event-writer';

const BEAT_SECONDS = 15;

/** Event streams that belong to no session: they, too, must not fall silent. */
@Injectable()
export class OpenStreams implements OnModuleInit, OnModuleDestroy {
  private readonly writers = new Set<EventWriter>();
  private stop: (() => void) | null = null;

  onModuleInit(): void {
    this.stop = everySeconds(BEAT_SECONDS, () => {
      for (const writer of this.writers) {
        if (writer.isOpen) writer.beat();
        else this.writers.delete(writer);
      }
    });
  }

  onModuleDestroy(): void {
    this.stop?.();
  }

  add(writer: EventWriter): void {
    this.writers.add(writer);
  }

  remove(writer: EventWriter): void {
    this.writers.delete(writer);
  }
}
