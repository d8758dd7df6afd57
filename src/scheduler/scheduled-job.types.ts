import type { SettingKey } from '../settings/catalogue';
import type { JobOutcome } from './job-run.entity';

/** Work that is done at certain times. The service method it calls serves the "run now" route as well. */
export interface ScheduledJob {
  /** As `GET /system/status` shows it. */
  readonly name: string;
  /** Cron in the server's local time; null while it is switched off. Asked again when one of `settings` changes. */
  schedule(): string | null;
  readonly settings: readonly SettingKey[];
  /** After so many milliseconds `signal` is aborted and the run counts as failed. */
  readonly timeoutMs: number;
  /** Whether a run that was missed because MCPS.ONE was down is done soon after the next start. */
  readonly catchUp: boolean;
  /** @throws what makes the run a failure; it is logged */
  run(signal: AbortSignal): Promise<void>;
}

/** A job as it stands now; times are epoch milliseconds. */
export interface JobState {
  name: string;
  running: boolean;
  nextAt: number | null;
  /** Begin of the last run that has ended. */
  lastAt: number | null;
  lastOutcome: JobOutcome | null;
  lastError: string | null;
}
