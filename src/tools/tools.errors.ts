import { DomainError } from '../common/domain-error';

export class ToolNotFoundError extends DomainError {
  constructor(tool: string) {
    super('not-found', 'tool_not_found', `There is no tool "${tool.slice(0, 80)}"`);
  }
}

/** The same for tools outside of an API key's scope and for names that no tool has. */
export class ToolOutOfScopeError extends DomainError {
  constructor(tool: string) {
    super('forbidden', 'tool_out_of_scope', `This API key is not for "${tool.slice(0, 80)}"`);
  }
}

export class ToolNameTakenError extends DomainError {
  constructor(name: string) {
    super('conflict', 'tool_name_taken', `There is already a tool named "${name}"`, {
      errors: [{ path: 'name', message: 'is taken' }],
    });
  }
}

export class ToolDisabledError extends DomainError {
  constructor(name: string) {
    super('conflict', 'tool_disabled', `${name} is disabled; set "enabled": true first`);
  }
}

export class ToolNotRunningError extends DomainError {
  constructor(name: string, state: string) {
    const advice = state === 'stopping' ? 'it takes no new calls' : `start it first: POST /tools/${name}/start`;
    super('conflict', 'tool_not_running', `${name} is ${state}; ${advice}`);
  }
}

/** Somebody stopped it: a client's call does not start it again. */
export class ToolStoppedError extends DomainError {
  constructor(name: string) {
    super('conflict', 'tool_stopped', `${name} was stopped; an operator starts it with POST /tools/${name}/start`);
  }
}

export class ToolNeverSeenError extends DomainError {
  constructor(name: string) {
    super('conflict', 'tool_not_running', `${name} is not running and has never been: what it offers is not known yet`);
  }
}
