import { DomainError } from '../common/domain-error';
import type { Problem } from './tool-lifecycle';

export class ToolStartFailedError extends DomainError {
  constructor(name: string, problem: Problem | null) {
    super(
      'upstream-failed',
      'tool_start_failed',
      problem ? `${name} did not start: ${problem.message}` : `${name} did not start`,
      {
        extra: problem ? { reason: problem.code, hint: problem.hint } : {},
      },
    );
  }
}

export class StartAbortedError extends DomainError {
  constructor(name: string) {
    super('conflict', 'start_aborted', `The start of ${name} was aborted by a stop`);
  }
}

export class ToolUnkillableError extends DomainError {
  constructor(name: string) {
    super('upstream-failed', 'tool_unkillable', `A process of ${name} survived SIGKILL; it waits in the kernel`);
  }
}

export class ShuttingDownError extends DomainError {
  constructor() {
    super('unavailable', 'shutting_down', 'MCPS.ONE is shutting down', { retryAfterSeconds: 5 });
  }
}
