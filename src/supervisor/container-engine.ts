import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { INSTANCE_MARKER } from './child-environment';
import { type ContainerRun, INSTALLATION_LABEL, TOOL_LABEL } from './container-run';
import { signalGroup } from './process-group';

/** How long the engine's client may take: one whose engine hangs must hold up neither a stop nor a boot for ever. */
export interface ClientLimits {
  listMs: number;
  killMs: number;
}
const CLIENT_LIMITS: ClientLimits = { listMs: 5_000, killMs: 10_000 };
/** More of what a client says is not read. */
const MAX_OUTPUT_BYTES = 65_536;
/** States of a container that has processes or is about to get some. One that has exited is its owner's to keep. */
const LIVING_STATES = {
  docker: ['created', 'restarting', 'running', 'paused'],
  podman: ['created', 'running', 'paused'],
};

/** The engine's client failed or did not answer; the message says how. */
export class ContainerEngineError extends Error {
  constructor(
    message: string,
    /** The client itself is not there any more. */
    readonly isMissing: boolean,
  ) {
    super(message);
    this.name = 'ContainerEngineError';
  }
}

/**
 * Ends the containers of one tool, or with `scope` 'installation' of all tools of ours, and makes sure that none is left.
 * Resolves with how many there were. @throws ContainerEngineError
 */
export async function removeContainers(
  run: ContainerRun,
  scope: 'tool' | 'installation',
  limits = CLIENT_LIMITS,
): Promise<number> {
  const ids = await livingContainers(run, scope, limits);
  if (ids.length === 0) return 0;
  // Whatever it says: what counts is who is left. One that ended meanwhile is an error of `rm` but none of ours.
  const said = await client(run, ['rm', '--force', ...ids], limits.killMs).catch((error: unknown) => error);
  const left = await livingContainers(run, scope, limits);
  if (left.length === 0) return ids.length;
  throw said instanceof Error ? said : new ContainerEngineError(`${left.length} containers survived \`rm\``, false);
}

/** Sends SIGKILL to the container whose id the client has written down; nothing to do if there is none yet. */
export async function killContainer(run: ContainerRun, limits = CLIENT_LIMITS): Promise<void> {
  const id = (await readFile(run.cidFile, 'utf8').catch(() => '')).trim();
  if (/^[0-9a-f]{12,64}$/.test(id)) await client(run, ['kill', id], limits.killMs);
}

async function livingContainers(
  run: ContainerRun,
  scope: 'tool' | 'installation',
  limits: ClientLimits,
): Promise<string[]> {
  const states = /podman[^\\/]*$/i.test(run.command) ? LIVING_STATES.podman : LIVING_STATES.docker;
  const filters = [
    `label=${INSTALLATION_LABEL}=${run.installation}`,
    ...(scope === 'tool' ? [`label=${TOOL_LABEL}=${run.toolId}`] : []),
    ...states.map((state) => `status=${state}`),
  ];
  const args = ['ps', '--all', '--quiet', '--no-trunc', ...filters.flatMap((filter) => ['--filter', filter])];
  return (await client(run, args, limits.listMs)).split(/\s+/).filter((id) => id !== '');
}

/** Runs the client as its tool would, and gives back what it printed. @throws ContainerEngineError */
function client(run: ContainerRun, args: string[], limitMs: number): Promise<string> {
  const what = `${run.command} ${args[0] ?? ''}`;
  return new Promise((resolve, reject) => {
    const child = spawn(run.command, [...run.globals, ...args], {
      // A group of its own, so that it can be ended as a whole; the marker, so that it is found if we end before it.
      detached: process.platform !== 'win32',
      env: { ...run.env, [INSTANCE_MARKER]: `${run.installation}:${run.toolId}` },
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
    });
    let [out, err] = ['', ''];
    child.stdout.on('data', (data: Buffer) => (out = (out + data.toString()).slice(0, MAX_OUTPUT_BYTES)));
    child.stderr.on('data', (data: Buffer) => (err = (err + data.toString()).slice(0, MAX_OUTPUT_BYTES)));
    const end = (message: string, { isMissing }: { isMissing: boolean }) => {
      clearTimeout(timer);
      reject(new ContainerEngineError(message, isMissing));
    };
    const timer = setTimeout(() => {
      if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
      // Helpers of it may hold the pipes for longer.
      for (const pipe of [child.stdout, child.stderr]) pipe.destroy();
      end(`${what} gave no answer within ${limitMs / 1000} s`, { isMissing: false });
    }, limitMs);
    child.once('error', (error: NodeJS.ErrnoException) =>
      end(`${what}: ${error.message}`, { isMissing: error.code === 'ENOENT' }),
    );
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve(out);
      else end(`${what} ended with ${code ?? signal}: ${firstLine(err)}`, { isMissing: false });
    });
  });
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0] ?? '';
}
