import { Injectable } from '@nestjs/common';
import { DatabaseWatch } from '../database/database-watch';
import { Recorder } from '../logs/recorder.service';
import { HttpMeter } from '../metrics/http-meter';
import { Readings } from '../metrics/readings';
import { CallMeter } from './call-meter';
import { StorageMeter } from './storage-meter';
import type { SystemReading } from './system-reading.types';
import { ToolsMeter } from './tools-meter';

export interface GatewayReading {
  sessions: number;
  inFlight: number;
}

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

  gateway(): GatewayReading {
    return this.gatewayBeside(this.tools.read().inFlight);
  }

  now(): Pick<SystemReading, 'disk' | 'tools' | 'recorder' | 'database'> & { gateway: GatewayReading } {
    const { queued, written, dropped, spoolBytes } = this.recorder.counters;
    const { disk, databaseBytes } = this.storage.current;
    const { tools, inFlight } = this.tools.read();
    return {
      disk,
      tools,
      gateway: this.gatewayBeside(inFlight),
      recorder: { queued, written, dropped, spoolBytes },
      database: { latencyMs: this.database.current.latencyMs, sizeBytes: databaseBytes },
    };
  }

  /** Calls by REST are in flight as well (with the tools); those of the gateway are among both. */
  private gatewayBeside(inFlightAtTools: number): GatewayReading {
    const { sessions, inFlight } = this.readings.gateway();
    return { sessions, inFlight: Math.max(inFlight, inFlightAtTools) };
  }
}
