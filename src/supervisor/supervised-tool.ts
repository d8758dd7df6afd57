export const TRANSPORTS = ['stdio', 'streamable-http', 'sse'] as const;
export type ToolTransport = (typeof TRANSPORTS)[number];

export const RESTART_POLICIES = ['always', 'on-failure', 'never'] as const;
export type RestartPolicy = (typeof RESTART_POLICIES)[number];

/** How a managed MCP server is started or reached, with its secrets in clear: never leaves the process. */
export interface ToolConnection {
  transport: ToolTransport;
  command: string | null;
  args: string[];
  cwd: string | null;
  env: Record<string, string>;
  url: string | null;
  headers: Record<string, string>;
}

/** All that the supervisor knows of a tool's definition. */
export interface SupervisedTool extends ToolConnection {
  id: string;
  name: string;
  restartPolicy: RestartPolicy;
  /** Restarts in a row before it counts as failed; null: as many as all tools that say nothing of their own. */
  maxRetries: number | null;
  /** For each request; null: that of all tools that say nothing of their own. */
  timeoutMs: number | null;
  /** For start and handshake; null: `timeoutMs`, more for launchers that may download first. */
  startTimeoutMs: number | null;
  recordPayloads: boolean;
  /** Of its whole process group; null: no limit. */
  memoryLimitBytes: number | null;
  /** Why it must not be started as it is defined, whatever is asked for; asked before each start. */
  refusal?: () => StartRefusal | null;
}

/** What holds for tools that say nothing of their own. */
export interface ToolDefaults {
  maxRetries: number;
  timeoutMs: number;
}

/** What holds until somebody says more (`SupervisorService.assume`). */
export const FIRST_DEFAULTS: Readonly<ToolDefaults> = { maxRetries: 3, timeoutMs: 30_000 };

/** A definition that may not run: one of before a rule was made, or written past all rules. */
export interface StartRefusal {
  code: string;
  message: string;
  hint: string;
}

/** Programs that fetch what they run: their first start may take minutes. */
const LAUNCHERS = new Set(['npx', 'uvx', 'bunx', 'pnpm', 'docker', 'podman']);
const LAUNCHER_START_TIMEOUT_MS = 120_000;

/** Whether the command fetches what it runs. */
export function isLauncher(command: string | null): boolean {
  const name = command
    ?.split(/[\\/]/)
    .at(-1)
    ?.replace(/\.(cmd|exe)$/i, '');
  return name !== undefined && LAUNCHERS.has(name);
}

/** How long start and handshake may take together, in milliseconds. */
export function startTimeoutOf(tool: SupervisedTool, defaults: ToolDefaults): number {
  const { startTimeoutMs, command, timeoutMs } = tool;
  return startTimeoutMs ?? (isLauncher(command) ? LAUNCHER_START_TIMEOUT_MS : (timeoutMs ?? defaults.timeoutMs));
}

/** Whether a running server was started from the same connection that the definition now has. Asked with each snapshot. */
export function sameConnection(a: ToolConnection, b: ToolConnection): boolean {
  if (a === b) return true;
  const areSame = a.transport === b.transport && a.command === b.command && a.cwd === b.cwd && a.url === b.url;
  return areSame && sameList(a.args, b.args) && sameMap(a.env, b.env) && sameMap(a.headers, b.headers);
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}

function sameMap(a: Record<string, string>, b: Record<string, string>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && a[name] === b[name]);
}
