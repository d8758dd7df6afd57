import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/domain-error';

/** Why nothing but probes is answered for a while. */
export interface MaintenanceState {
  /** Told to every caller. */
  reason: string;
  retryAfterSeconds: number;
}

/** 503: MCPS.ONE does something to itself meanwhile. */
export class MaintenanceError extends DomainError {
  constructor({ reason, retryAfterSeconds }: MaintenanceState) {
    super('unavailable', 'maintenance', `MCPS.ONE is in maintenance: ${reason}`, { retryAfterSeconds });
  }
}

/**
 * Whether MCPS.ONE is in maintenance. Whoever enters it (a restore) keeps the API away from what is being changed: new
 * requests are answered with 503, readiness is down, liveness is not. Requests that are under way are not ended: see
 * `OpenRequests.idle`.
 */
@Injectable()
export class Maintenance {
  private state: MaintenanceState | null = null;
  private readonly listeners = new Set<(state: MaintenanceState | null) => void>();

  get current(): MaintenanceState | null {
    return this.state;
  }

  /** There is one at a time: whoever enters must be the one to leave. @throws MaintenanceError */
  enter(reason: string, retryAfterSeconds: number): void {
    this.assertOpen();
    this.change({ reason, retryAfterSeconds });
  }

  /** Nothing happens outside of maintenance. */
  leave(): void {
    if (this.state !== null) this.change(null);
  }

  /** To be asked by doors of their own (the gateway). @throws MaintenanceError */
  assertOpen(): void {
    if (this.state !== null) throw new MaintenanceError(this.state);
  }

  /** Told at each beginning (the state) and end (null). */
  onChange(listener: (state: MaintenanceState | null) => void): void {
    this.listeners.add(listener);
  }

  private change(state: MaintenanceState | null): void {
    this.state = state;
    for (const listener of this.listeners) listener(state);
  }
}
