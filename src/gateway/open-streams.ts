import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { EventWriter } from './event-writer';

const BEAT_MS = 15_000;

/** Event streams that belong to no session: they, too, must not fall silent. */
@Injectable()
export class OpenStreams implements OnModuleInit, OnModuleDestroy {
  private readonly writers = new Set<EventWriter>();
  private timer: NodeJS.Timeout | null = null;

  onModuleInit(): void {
    this.timer = setInterval(() => {
      for (const writer of this.writers) {
        if (writer.isOpen) writer.beat();
        else this.writers.delete(writer);
      }
    }, BEAT_MS).unref();
  }

  onModuleDestroy(): void {
    if (this.timer) clearInterval(this.timer);
  }

  add(writer: EventWriter): void {
    this.writers.add(writer);
  }

  remove(writer: EventWriter): void {
    this.writers.delete(writer);
  }
}
