import { Injectable } from '@nestjs/common';
import type { TrafficRecord, TrafficSink } from './traffic';

/** How many records wait for a recorder that connects late. */
const WAITING_LIMIT = 1_000;

/** The joint between the peers and whoever records: peers know only this, the recorder connects itself at boot. */
@Injectable()
export class TrafficTap implements TrafficSink {
  private sink: TrafficSink | null = null;
  private waiting: TrafficRecord[] = [];

  connect(sink: TrafficSink): void {
    this.sink = sink;
    for (const record of this.waiting) sink.record(record);
    this.waiting = [];
  }

  record(record: TrafficRecord): void {
    if (this.sink !== null) this.sink.record(record);
    else if (this.waiting.length < WAITING_LIMIT) this.waiting.push(record);
  }
}
