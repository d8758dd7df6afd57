import { Injectable } from '@nestjs/common';

/** What clients do at the gateway at this moment. */
export interface GatewayReading {
  sessions: number;
  /** Requests of clients that are not answered yet. */
  inFlight: number;
}

export interface BackupReading {
  /** The newest completed one. */
  last: { id: string; at: number; verified: boolean } | null;
  /** Epoch milliseconds of the newest one that a test restore has proven. */
  newestVerifiedAt: number | null;
}

/**
 * Joints to parts that tell of themselves in `GET /system/status`, `/system/metrics` and `/metrics`, and that those who ask
 * must not know: each part connects itself at boot. They are asked every few seconds: answer from memory.
 */
@Injectable()
export class Readings {
  gateway: () => GatewayReading = () => ({ sessions: 0, inFlight: 0 });
  backup: () => BackupReading = () => ({ last: null, newestVerifiedAt: null });
}
