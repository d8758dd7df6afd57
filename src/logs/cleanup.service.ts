import { Injectable, Logger } from '@nestjs/common';
import { OperationLog } from '../audit/operation-log';
import { Clock, toTimestamp } from '../common/clock';
import { messageOf, ValidationFailedError } from '../common/domain-error';
import { noteDetails } from '../common/request-context';
import { LOG_KINDS } from './log-ages.repository';
import type { CleanupQuery, CleanupView } from './logs.dto';
import { Recorder } from './recorder.service';
import { type LogCounts, nothing, Retention } from './retention.service';
import { SystemLogWriter } from './system-log.writer';

/** Deletes from the logs what an administrator wants gone. The row that says so comes last, so that it survives. */
@Injectable()
export class CleanupService {
  private readonly logger = new Logger('Retention');

  constructor(
    private readonly retention: Retention,
    private readonly recorder: Recorder,
    private readonly systemWriter: SystemLogWriter,
    private readonly operations: OperationLog,
    private readonly clock: Clock,
  ) {}

  /** @throws ValidationFailedError, CleanupRunningError, ClockInDoubtError */
  async run({ type, before, olderThanDays, dryRun }: CleanupQuery): Promise<CleanupView> {
    const until = this.untilOf(before, olderThanDays);
    const request = { logs: type === 'all' ? LOG_KINDS : [type], before: until, dryRun };
    noteDetails({ type, before: toTimestamp(until), dryRun });
    // What was said and what passed before now is to be among it.
    await Promise.all([this.recorder.settled(), this.systemWriter.settled()]);
    if (dryRun) {
      const deleted = await this.retention.count(request);
      noteDetails({ deleted });
      return { deleted, complete: true };
    }
    const deleted = nothing();
    try {
      const complete = await this.retention.cleanUp(request, deleted, (error) => this.onLateEnd(deleted, error));
      noteDetails({ complete });
      return { deleted: { ...deleted }, complete };
    } finally {
      noteDetails({ deleted: { ...deleted } });
    }
  }

  private untilOf(before: number | undefined, olderThanDays: number | undefined): number {
    if ((before === undefined) === (olderThanDays === undefined)) {
      const message = 'or olderThanDays is needed, one of the two';
      throw new ValidationFailedError([{ path: 'before', message }]);
    }
    const until = before ?? this.retention.daysAgo(olderThanDays ?? 0);
    return Math.min(until, this.clock.now());
  }

  /** Still within the request's context: the row names who asked. */
  private onLateEnd(deleted: LogCounts, error: unknown): void {
    const outcome = error === null ? 'success' : 'failure';
    const changes = { deleted, complete: error === null, ...(error === null ? {} : { reason: messageOf(error) }) };
    this.logger.log('A cleanup of the logs has ended', changes);
    void this.operations.append({ action: 'logs.cleanup', outcome, changes }).catch((reason: unknown) => {
      this.logger.error('A cleanup of the logs could not be written down', { reason: messageOf(reason) });
    });
  }
}
