import { Injectable } from '@nestjs/common';
import { DatabaseWatch } from '../database/database-watch';
import { Recorder } from '../logs/recorder.service';
import { HttpMeter } from '../metrics/http-meter';
import { Readings } from '../metrics/readings';
import { CallMeter } from './call-meter';
import { StorageMeter } from './storage-meter';
import type { SystemReading } from './system-reading.types';
import { ToolsMeter } from './tools-meter';

/** All that is read for one reading, each from its owner. */
@Injectable()
export class SystemMeters {
  constructor(
    readonly calls: CallMeter,
    readonly http: HttpMeter,
    readonly tools: ToolsMeter,
    readonly storage: StorageMeter,
    private readonly readings: Readings,
    private readonly recorder: Recorder,
    private readonly database: DatabaseWatch,
  ) {}

  /** Asks for what needs a question; never rejects. */
  async refresh(): Promise<void> {
    const [areKnown] = await Promise.all([this.tools.refresh(), this.storage.refresh()]);
    if (areKnown) this.calls.keep(this.tools.names);
  }

  gateway(): { sessions: number; inFlight: number } {
    const { sessions, inFlight } = this.readings.gateway();
    // Calls by REST are in flight as well; those of the gateway are among both.
    return { sessions, inFlight: Math.max(inFlight, this.tools.read().inFlight) };
  }

  now(): Pick<SystemReading, 'disk' | 'tools' | 'recorder' | 'database'> {
    const { queued, written, dropped, spoolBytes } = this.recorder.counters;
    const { disk, databaseBytes } = this.storage.current;
    return {
      disk,
      tools: this.tools.read().tools,
      recorder: { queued, written, dropped, spoolBytes },
      database: { latencyMs: this.database.current.latencyMs, sizeBytes: databaseBytes },
    };
  }
}
