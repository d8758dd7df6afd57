import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { Injectable } from '@nestjs/common';

/** So long after the end of it, whoever asked for a restore can still ask what became of it: all sessions have ended. */
const WATCH_MS = 3_600_000;

interface Watcher<P> {
  credential: string;
  principal: P;
  until: number;
}

/**
 * Who may see how a restore goes: whoever asked for it, with the same credentials, although users and sessions are being
 * replaced and cannot be asked. The credential itself is kept nowhere.
 */
@Injectable()
export class RestoreWatch<P = unknown> {
  private watcher: Watcher<P> | null = null;

  /** Lets the bearer of these credentials watch the restore that it has asked for. */
  let(headers: IncomingHttpHeaders, principal: P): void {
    const credential = credentialOf(headers);
    this.watcher = credential === null ? null : { credential, principal, until: performance.now() + WATCH_MS };
  }

  /** Who watches with these credentials; null: nobody who may. */
  watcherWith(headers: IncomingHttpHeaders): P | null {
    if (this.watcher === null || performance.now() > this.watcher.until) return null;
    return credentialOf(headers) === this.watcher.credential ? this.watcher.principal : null;
  }
}

function credentialOf({ authorization, 'x-api-key': key }: IncomingHttpHeaders): string | null {
  const given = authorization ?? (typeof key === 'string' ? key : undefined);
  return given === undefined ? null : createHash('sha256').update(given).digest('hex');
}
