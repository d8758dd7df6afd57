import { setTimeout as pause } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { Maintenance } from '../availability/maintenance';
import { OpenRequests } from '../availability/open-requests';
import { PrincipalRevocations, type Revocation } from '../auth/principal-revocations';
import { messageOf } from '../common/domain-error';
import { HeldLocks } from '../database/database.module';
import { LogWriter } from '../logs/log-writer';
import { Recorder } from '../logs/recorder.service';
import { Settings } from '../settings/settings';
import { ToolStandstill } from '../tools/tool-standstill';
import { BackupService } from './backup.service';
import { LiveData } from './live-data.repository';
import type { RestoreSurroundings } from './restore-saga';
import type { Entitled } from './staging.repository';

const ATTEMPTS = 5;
const ATTEMPT_PAUSE_MS = 200;
const DRAIN_MS = 2_000;
/** What callers are told; most restores are over by then. */
const RETRY_AFTER_SECONDS = 5;

/** Closes the service for a restore and opens it on the data that is live then. */
@Injectable()
export class BackupStandstill {
  private readonly logger = new Logger('Backup');

  constructor(
    private readonly maintenance: Maintenance,
    private readonly requests: OpenRequests,
    private readonly tools: ToolStandstill,
    private readonly recorder: Recorder,
    private readonly writer: LogWriter,
    private readonly backups: BackupService,
    private readonly live: LiveData,
    private readonly locks: HeldLocks,
    private readonly settings: Settings,
    private readonly revocations: PrincipalRevocations,
  ) {}

  around(onSafe: (safetyBackupId: string) => void): RestoreSurroundings {
    let wake: () => void = () => undefined;
    let revoked: Revocation[] = [];
    return {
      close: async () => {
        this.maintenance.enter('a backup is being restored', RETRY_AFTER_SECONDS);
        // What was let in before may end; what does not is cut off from the data, and fails.
        await this.requests.idle(DRAIN_MS);
        revoked = revocationsOf(await this.live.entitled());
        await this.tools.begin();
        await this.recorder.settled();
      },
      makeSafe: async (onProgress) => {
        const { id } = await this.backups.makeWithin('pre-restore', onProgress);
        onSafe(id);
        return id;
      },
      hold: async () => {
        wake = await this.writer.rest();
        return this.live.hold();
      },
      moveLock: (token, work) => this.locks.moveWith(token, work),
      open: async () => {
        wake();
        await this.attempt('settings', () => this.settings.reload());
        this.revocations.announce(revoked);
        await this.attempt('tools', () => this.tools.end());
        this.maintenance.leave();
      },
    };
  }

  /** The service opens whatever happens: the rest is repaired by the reconciler, or at the next start. */
  private async attempt(what: string, work: () => Promise<void>): Promise<void> {
    for (let left = ATTEMPTS; ; left--) {
      try {
        await work();
        return;
      } catch (error) {
        if (left > 1) {
          // A connection that ended with the old database may be met once more.
          await pause(ATTEMPT_PAUSE_MS);
          continue;
        }
        this.logger.error('After a restore something could not be taken up again', { what, reason: messageOf(error) });
        return;
      }
    }
  }
}

/** Whoever remembers any of them (caches of keys, open streams) lets go, and looks anew at what the data says now. */
function revocationsOf({ users, sessions, apiKeys }: Entitled): Revocation[] {
  const all = (type: Revocation['type'], ids: ReadonlySet<string>) => [...ids].map((id) => ({ type, id }));
  return [...all('user', users), ...all('session', sessions), ...all('apiKey', apiKeys)];
}
