import { DomainError } from '../common/domain-error';
import type { Phase, Problem } from './tool-lifecycle';
import { stateOf } from './tool-snapshot';

export class ToolStartFailedError extends DomainError {
  constructor(name: string, { lastError: problem, phase }: { lastError: Problem | null; phase: Phase }) {
    super(
      'upstream-failed',
      'tool_start_failed',
      problem ? `${name} did not start: ${problem.message}` : `${name} did not start`,
      {
        // `backoff`: the next try is on its way.
        extra: { state: stateOf(phase), ...(problem ? { reason: problem.code, hint: problem.hint } : {}) },
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
    super(
      'upstream-failed',
      'tool_unkillable',
      `A process of ${name} survived SIGKILL (it waits in the kernel), or the engine of its container does not answer`,
    );
  }
}
