import type { RestartPolicy, ToolConnection, ToolTransport } from '../supervisor/supervised-tool';

export type { RestartPolicy, ToolConnection, ToolTransport };

export const SHARINGS = ['auto', 'shared', 'per-session'] as const;
export type Sharing = (typeof SHARINGS)[number];

export const DESIRED_STATES = ['running', 'stopped', 'on-demand'] as const;
export type DesiredState = (typeof DESIRED_STATES)[number];

/** Fields that follow the settings where they are null. */
export const FOLLOWING = ['maxRetries', 'timeoutMs'] as const;

/** What the values of `env` and `headers` look like in every answer; sending it back keeps the stored value. */
export const MASKED = '***';

/** A whole tool definition as a client gives it (API "Tools"), all defaults filled in. */
export interface ToolDefinition extends ToolConnection {
  name: string;
  description: string;
  tags: string[];
  enabled: boolean;
  autoStart: boolean;
  restartPolicy: RestartPolicy;
  /** Null, as for `timeoutMs`: follows the settings. */
  maxRetries: number | null;
  timeoutMs: number | null;
  startTimeoutMs: number | null;
  recordPayloads: boolean;
  sharing: Sharing;
  memoryLimitBytes: number | null;
}

/** What a tool must be called: also the names that our own paths need are refused. */
export const TOOL_NAME_PATTERN = /^[a-z0-9][a-z0-9-]{0,62}$/;
export const RESERVED_TOOL_NAMES = ['export', 'import', 'batch', 'validate', 'probe', 'sse', 'messages'] as const;
const UUID_SHAPE = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Why a name can't be used, or null. A UUID-shaped name would be taken for an id wherever a path says `{tool}`. */
export function toolNameProblem(name: string): string | null {
  if (!TOOL_NAME_PATTERN.test(name)) {
    return 'must be 1 to 63 of a-z, 0-9 and -, beginning with a letter or digit';
  }
  if ((RESERVED_TOOL_NAMES as readonly string[]).includes(name)) return `"${name}" is reserved by MCPS.ONE`;
  return UUID_SHAPE.test(name) ? 'must not have the shape of an id' : null;
}
