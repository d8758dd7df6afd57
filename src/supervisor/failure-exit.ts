import { constants } from 'node:os';
import { type Finding, quoted } from './failure-finding';

export interface ExitFacts {
  code: number | null;
  signal: string | null;
}

const CRASHES = new Set(['SIGSEGV', 'SIGABRT', 'SIGBUS', 'SIGILL', 'SIGFPE', 'SIGTRAP', 'SIGSYS']);
const REQUESTS = new Set(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT']);
/** Launchers and shells (`npx`, `sh -c`) turn the signal of what they ran into the code 128 + its number. */
const SIGNAL_CODES = new Map(
  [
    'SIGHUP',
    'SIGINT',
    'SIGQUIT',
    'SIGILL',
    'SIGTRAP',
    'SIGABRT',
    'SIGBUS',
    'SIGFPE',
    'SIGKILL',
    'SIGSEGV',
    'SIGTERM',
  ].map((name) => [128 + constants.signals[name as NodeJS.Signals], name] as const),
);

const OUT_OF_MEMORY =
  /\bJavaScript heap out of memory\b|^MemoryError\b|\bruntime: out of memory\b|^memory allocation of \d+ bytes failed|\bOut of memory\b|\boom-kill|\bOOM\b/;

/** The signal that ended it, as it came or as a launcher handed it on. */
function signalOf({ code, signal }: ExitFacts): string | null {
  return signal ?? (code === null ? null : (SIGNAL_CODES.get(code) ?? null));
}

/** What the way of its end says alone; null if it ended by itself with an ordinary code. */
export function exitFinding(exit: ExitFacts, lines: readonly string[]): Finding | null {
  const signal = signalOf(exit);
  if (signal === null) return null;
  const handedOn = exit.signal === null ? `, which stands for ${signal}` : '';
  if ((CRASHES.has(signal) || signal === 'SIGKILL') && lines.some((line) => OUT_OF_MEMORY.test(line))) {
    return { code: 'out_of_memory', what: `it ran out of memory${handedOn && ` (${signal})`}` };
  }
  if (CRASHES.has(signal)) return { code: 'crashed', what: `it crashed${handedOn}` };
  if (signal === 'SIGKILL') {
    return { code: 'killed', what: `it was killed from outside${handedOn}; lack of memory is the usual reason` };
  }
  if (REQUESTS.has(signal)) return { code: 'terminated', what: `it was asked to end, and not by MCPS.ONE${handedOn}` };
  return null;
}

/** Codes by which a shell tells that it could not run something (POSIX: 127 not found, 126 not executable). */
export function shellFinding({ code }: ExitFacts, lines: readonly string[]): Finding | null {
  if (code !== 126 && code !== 127) return null;
  const pattern =
    code === 127
      ? /(?:^|: )([^:\s][^:]{0,200}): (?:command not found|not found|No such file or directory)$/
      : /(?:^|: )([^:\s][^:]{0,200}): (?:Permission denied|cannot execute\b.{0,60}|Exec format error|Is a directory)$/;
  const name = lines.map((line) => pattern.exec(line)?.[1]).findLast((found) => found !== undefined);
  const which =
    name === undefined ? 'a command that it runs' : `the command ${quoted(name.replace(/^[‘'"`]|[’'"`]$/g, ''))}`;
  return code === 127
    ? { code: 'inner_command_not_found', what: `${which} was not found` }
    : { code: 'inner_command_not_executable', what: `${which} could not be executed` };
}

/** A program that prints how it wants to be called, and ends with the code for that, was called in another way. */
export function usageFinding({ code }: ExitFacts, lines: readonly string[]): Finding | null {
  if (code !== 1 && code !== 2 && code !== 64) return null;
  const isUsage = (line: string): boolean => /^\s{0,4}usage: \S/i.test(line);
  if (!lines.some(isUsage)) return null;
  return { code: 'wrong_arguments', what: 'it was not called in the way it expects; its usage is on stderr' };
}
