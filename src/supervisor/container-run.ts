import { isAbsolute, resolve } from 'node:path';
import type { Launch } from './process-spawner';

/**
 * A container that a tool's program, the client of an engine, has the engine run. It is no descendant of ours: neither
 * signals to our process group nor the marker reach it, so it carries labels, and the client is told to write down its id.
 */
export interface ContainerRun {
  /** Absolute path of the client. */
  command: string;
  /** Options before `run`: they may name another engine. */
  globals: readonly string[];
  /** What of the tool's environment decides which engine is talked to; no secrets of the tool. */
  env: Readonly<Record<string, string>>;
  /** Where the client writes the container's id. */
  cidFile: string;
  installation: string;
  toolId: string;
}

/** Labels of our containers; `docker ps` finds only exact values, so there is one for each question. */
export const INSTALLATION_LABEL = 'mcps.installation';
export const TOOL_LABEL = 'mcps.tool';

/** Options before the subcommand that take the next argument as their value. */
const VALUED_GLOBALS = new Set([
  ...['--config', '-c', '--context', '-H', '--host', '-l', '--log-level', '--tlscacert', '--tlscert', '--tlskey'],
  ...['--cgroup-manager', '--conmon', '--connection', '--events-backend', '--hooks-dir', '--identity', '--imagestore'],
  ...['--module', '--namespace', '--network-cmd-path', '--network-config-dir', '--out', '--root', '--runroot'],
  ...['--runtime', '--runtime-flag', '--ssh', '--storage-driver', '--storage-opt', '--tmpdir', '--url', '--volumepath'],
]);

/** Variables that decide which engine a client talks to, and how. */
const CLIENT_VARIABLE =
  /^(PATH|HOME|USER|TMPDIR|XDG_[A-Z_]+|DOCKER_(HOST|CONTEXT|CONFIG|CERT_PATH|TLS|TLS_VERIFY|API_VERSION)|CONTAINER_(HOST|CONNECTION|SSHKEY)|CONTAINERS_[A-Z_]+|SSH_AUTH_SOCK)$/;

/** Whether a tool is `docker run ...` or `podman run ...`, also as `container run`. */
export function runsContainer({ command, args }: Pick<Launch, 'command' | 'args'>): boolean {
  return runAt(command, args) !== null;
}

/**
 * The launch of a container tool as we start it: with our labels and a file for the container's id right after `run`, and
 * what is needed to end the container. Null for any other program.
 */
export function containerLaunch(
  launch: Launch,
  given: { cidFile: string; installation: string; toolId: string },
): { launch: Launch; container: ContainerRun } | null {
  const run = runAt(launch.command, launch.args);
  if (run === null) return null;
  const { installation, toolId } = given;
  const [before, after] = [launch.args.slice(0, run.at + 1), launch.args.slice(run.at + 1)];
  const own = ownCidFile(after);
  const labels = [`--label=${INSTALLATION_LABEL}=${installation}`, `--label=${TOOL_LABEL}=${toolId}`];
  const cid = own === null ? [`--cidfile=${given.cidFile}`] : [];
  return {
    launch: { ...launch, args: [...before, ...labels, ...cid, ...after] },
    container: {
      command: launch.command,
      globals: launch.args.slice(0, run.globals),
      env: Object.fromEntries(Object.entries(launch.env).filter(([name]) => CLIENT_VARIABLE.test(name))),
      cidFile: own === null ? given.cidFile : absolute(own, launch.cwd),
      installation,
      toolId,
    },
  };
}

/** Where `run` stands among the arguments, and how many options stand before the subcommand. */
function runAt(command: string, args: readonly string[]): { at: number; globals: number } | null {
  const name = command.split(/[\\/]/).at(-1);
  if (name === undefined || !/^(docker|podman)(\.exe)?$/i.test(name)) return null;
  let globals = 0;
  while (args[globals]?.startsWith('-')) globals += VALUED_GLOBALS.has(args[globals] ?? '') ? 2 : 1;
  if (args[globals] === 'run') return { at: globals, globals };
  return args[globals] === 'container' && args[globals + 1] === 'run' ? { at: globals + 1, globals } : null;
}

/**
 * The file that the tool's own `--cidfile` names. One that belongs to the program inside (behind the image) may be taken
 * for it: then there is no such file, and the labels have to do.
 */
function ownCidFile(options: readonly string[]): string | null {
  for (const [at, option] of options.entries()) {
    if (option === '--cidfile') return options[at + 1] ?? null;
    if (option.startsWith('--cidfile=')) return option.slice('--cidfile='.length);
  }
  return null;
}

function absolute(path: string, cwd: string | null): string {
  return isAbsolute(path) ? path : resolve(cwd ?? '.', path);
}
