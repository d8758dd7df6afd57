import { Injectable } from '@nestjs/common';
import type { TrafficRecord, TrafficSink } from './traffic';

/** How many records wait for a recorder that connects late. */
const WAITING_LIMIT = 1_000;

/**
 * The joint between the peers and whoever records: peers know only this, those who listen connect themselves at boot. What
 * passed before anybody listened goes to the first; who comes later hears what passes from then on.
 */
@Injectable()
export class TrafficTap implements TrafficSink {
  private readonly sinks: TrafficSink[] = [];
  private waiting: TrafficRecord[] = [];

  connect(sink: TrafficSink): void {
    this.sinks.push(sink);
    for (const record of this.waiting) sink.record(record);
    this.waiting = [];
  }

  /** Tells all of them, also when one throws: the peer counts that. No allocation. */
  record(record: TrafficRecord): void {
    const { sinks } = this;
    if (sinks.length === 0 && this.waiting.length < WAITING_LIMIT) this.waiting.push(record);
    let failure: { error: unknown } | null = null;
    for (const sink of sinks) {
      try {
        sink.record(record);
      } catch (error) {
        failure ??= { error };
      }
    }
    if (failure !== null) throw failure.error;
  }
}
