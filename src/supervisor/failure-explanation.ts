import { DomainError, messageOf } from '../common/domain-error';
import type { SecretMask } from '../common/secret-mask';
import { HandshakeError } from '../mcp/peer.errors';
import { TransportError } from '../mcp/transport.types';
import { DEFAULT_HINT, FAILURES } from './failure-catalogue';
import { EVIDENCE_LINES, readExit, readSilence } from './failure-evidence';
import type { Finding } from './failure-finding';
import { SpawnError } from './process-spawner';
import type { Problem } from './tool-lifecycle';

/** What does not become right by asking again: wrong credentials, an address that is closed to us. */
const LASTING: ReadonlySet<string> = new Set(['remote_unauthorized', 'remote_forbidden', 'remote_address_refused']);

/** How many lines of stderr an explanation quotes. */
export const QUOTED_LINES = 10;
export { EVIDENCE_LINES };

/** A failure with what to do about it. `stderr`: the last words of the child. */
export function problem(code: string, message: string, at: number, stderr: string[] = []): Problem {
  const quoted =
    stderr.length > 0 ? `${message}. Its last words on stderr:\n${stderr.slice(-QUOTED_LINES).join('\n')}` : message;
  return { code, message: quoted, hint: FAILURES[code]?.hint ?? DEFAULT_HINT, at };
}

/**
 * The child is gone: before it was ready, or later. `stderr`: its last words, of which EVIDENCE_LINES are worth giving.
 * Where they or the way of its end name a reason, that gives the code; else it is `exited` or `exited_before_handshake`.
 */
export function exitProblem(
  exit: { code: number | null; signal: string | null },
  at: number,
  options: { ready: boolean; stderr: string[] },
): Problem {
  const how = exit.signal !== null ? `was ended by ${exit.signal}` : `exited with code ${exit.code ?? 'unknown'}`;
  const message = options.ready ? `The program ${how}` : `The program ${how} before it was ready`;
  const finding = readExit(exit, options.stderr, { ready: options.ready });
  if (finding !== null) return found(finding, message, at, options.stderr);
  return problem(options.ready ? 'exited' : 'exited_before_handshake', message, at, options.stderr);
}

/**
 * Whether a program that ended before it was ready would end in the same way at each further try. Only of a variable
 * that it wants this is certain enough: env changes by a change of the definition alone, and that starts it anew.
 * Everything else may pass by itself or be mended beside us: a registry or a service comes back, a package is
 * published, a port, a disk or memory becomes free. A wrong "never" costs more than three more tries.
 */
export function isPermanentExit({ code }: Problem): boolean {
  return code === 'variable_missing';
}

/** Failures of what fetches, finds and loads a program. */
const BEFORE_READING: ReadonlySet<string> = new Set([
  'variable_missing',
  'package_not_found',
  'package_version_not_found',
  'package_unresolvable',
  'package_has_no_program',
  'registry_unreachable',
  'registry_refused',
  'module_not_found',
  'inner_command_not_found',
  'inner_command_not_executable',
  'container_engine_down',
  'container_engine_refused',
  'container_wants_terminal',
  'image_not_found',
]);

/** Whether the program can't have read our first question: then it did not end because of it, and need not be asked otherwise. */
export function endedBeforeReading({ code }: Problem): boolean {
  return BEFORE_READING.has(code);
}

/** Any error of starting and connecting; `permanent`: another try can't help. */
export function startProblem(
  error: unknown,
  at: number,
  { stderr, mask }: { stderr: string[]; mask: SecretMask },
): { problem: Problem; permanent: boolean } {
  if (error instanceof SpawnError)
    return {
      problem: { ...problem(error.code, error.message, at), ...(error.hint === undefined ? {} : { hint: error.hint }) },
      permanent: error.permanent,
    };
  // From here on the message may quote the server, and that may quote a secret.
  const message = mask.apply(messageOf(error));
  const finding = SILENT_ENDS.has(codeOf(error)) ? readSilence(stderr) : null;
  if (finding !== null) return { problem: found(finding, message, at, stderr), permanent: false };
  if (error instanceof HandshakeError) {
    return { problem: problem(error.code, message, at, stderr), permanent: error.code === 'protocol_mismatch' };
  }
  if (error instanceof TransportError) {
    const permanent = LASTING.has(error.code);
    return { problem: problem(error.code, message, at, stderr), permanent };
  }
  return { problem: problem(codeOf(error), message, at, stderr), permanent: false };
}

/** Failures that say nothing of their reason: stderr may. */
const SILENT_ENDS: ReadonlySet<string> = new Set([
  'handshake_timeout',
  'closed_during_probe',
  'closed_during_handshake',
  'transport_closed',
]);

function codeOf(error: unknown): string {
  return error instanceof DomainError || error instanceof TransportError ? error.code : 'start_failed';
}

function found({ code, what, hint }: Finding, message: string, at: number, stderr: string[]): Problem {
  const known = problem(code, `${message}: ${what}`, at, stderr);
  return hint === undefined ? known : { ...known, hint };
}
