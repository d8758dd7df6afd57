import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { Injectable } from '@nestjs/common';
import { DomainError } from './domain-error';

/** 503: other data is being put into the place of this one. */
export class MaintenanceError extends DomainError {
  constructor() {
    super('unavailable', 'maintenance', 'A backup is being restored; the service is back in a moment', {
      retryAfterSeconds: 5,
    });
  }
}

/** So long after the end of it, whoever asked for a restore can still ask what became of it: all sessions have ended. */
const WATCH_AFTER_MS = 600_000;

interface Watcher<P> {
  credential: string;
  principal: P;
}

/**
 * Whether the service is closed because its data is being replaced. While it is, nothing is answered but probes, and to
 * whoever asked for it, how far it is.
 */
@Injectable()
export class Maintenance<P = unknown> {
  private on = false;
  private watcher: Watcher<P> | null = null;
  private watchUntil = Infinity;

  get isOn(): boolean {
    return this.on;
  }

  /** @throws MaintenanceError while it is on */
  assertOff(): void {
    if (this.on) throw new MaintenanceError();
  }

  begin(): void {
    this.on = true;
    this.watchUntil = Infinity;
  }

  end(): void {
    this.on = false;
    this.watchUntil = performance.now() + WATCH_AFTER_MS;
  }

  /** Lets the bearer of these credentials watch the restore that it has asked for. */
  letWatch(headers: IncomingHttpHeaders, principal: P): void {
    const credential = credentialOf(headers);
    this.watcher = credential === null ? null : { credential, principal };
    this.watchUntil = Infinity;
  }

  /** Who watches with these credentials; null: nobody who may. */
  watcherWith(headers: IncomingHttpHeaders): P | null {
    if (this.watcher === null || performance.now() > this.watchUntil) return null;
    return credentialOf(headers) === this.watcher.credential ? this.watcher.principal : null;
  }
}

/** A hash: the credential itself is kept nowhere. */
function credentialOf({ authorization, 'x-api-key': key }: IncomingHttpHeaders): string | null {
  const given = authorization ?? (typeof key === 'string' ? key : undefined);
  return given === undefined ? null : createHash('sha256').update(given).digest('hex');
}
