import { DomainError, messageOf } from '../common/domain-error';
import type { SecretMask } from '../common/secret-mask';
import { HandshakeError } from '../mcp/peer.errors';
import { TransportError } from '../mcp/transport.types';
import { SpawnError } from './process-spawner';
import type { Problem } from './tool-lifecycle';

/** What a human can do about a failure, by its code. */
const HINTS: Record<string, string> = {
  command_not_found:
    'Install the program, give its absolute path, or check PATH; `npx` and `uvx` come with Node.js and uv',
  command_not_executable:
    'Make the file executable (chmod +x), or start it by its interpreter, such as `node server.js`',
  cwd_not_found: 'Create the folder or correct `cwd`',
  arguments_too_long: 'Move the large argument into a file',
  arguments_invalid: 'Remove the NUL byte from the command, its arguments or its variables',
  spawn_timeout:
    'Does the folder of the program or `cwd` answer? A network file system that has gone away is the usual reason',
  url_missing: 'Set `url`, or the transport `stdio` and a `command`',
  spawn_failed: 'See the system log; too many open files or processes are the usual reasons',
  exited_before_handshake: 'The last lines of its stderr say why; a missing variable or argument is the usual reason',
  exited: 'The last lines of its stderr say why',
  connection_lost: 'The program closed its output although it is to stay; its stderr may say why',
  handshake_timeout:
    'Is it an MCP server on standard input and output? If it is only slow to start, raise `startTimeoutMs`',
  closed_during_probe: 'The program closed its output at the first question; its stderr may say why',
  closed_during_handshake: 'The server ended the connection before it was ready; its stderr or its log may say why',
  transport_closed: 'The program closed its input before it was ready; its stderr may say why',
  handshake_refused: 'The server refused to be initialized; its message says why',
  not_mcp:
    'The program writes something else than MCP on standard output; is this the right command, and does it log to stderr?',
  protocol_mismatch: 'Update the server, or MCPS.ONE: they have no protocol revision in common',
  remote_refused: 'Is the server running, and are host and port right?',
  remote_dns: 'Check the host name in the URL',
  remote_tls: "The server's certificate can't be trusted; renew it or add its authority by NODE_EXTRA_CA_CERTS",
  remote_timeout: 'The server did not answer in time; check the network, or raise `startTimeoutMs`',
  remote_unauthorized: 'Send valid credentials: set the Authorization header in `headers`',
  remote_forbidden: 'The credentials lack the right to use this server',
  remote_not_found: 'There is nothing at this URL; does the path end in /mcp (or /sse)?',
  remote_server_error: 'The server failed; its own log says why',
  remote_rate_limited: 'Wait; the server limits how often it may be asked',
  remote_not_mcp: 'What answered is no MCP server; check the URL and the transport (streamable-http or sse)',
  remote_redirect: 'Give the final URL; credentials are never sent on to another origin',
  remote_connection_lost: 'The connection to the server broke off; check the network and the log of the server',
  remote_http_error: 'The server refused the request; check URL, headers and the transport (streamable-http or sse)',
  remote_address_refused:
    'Remote tools may not be at this address; the message says why, and which setting allows it, if one does',
  message_too_big: 'Raise MCP_MAX_MESSAGE_BYTES, or let the server answer with less',
  remote_session_lost: 'The server has forgotten the session; it is opened anew',
};

const DEFAULT_HINT = 'See the messages of the tool in GET /logs/mcp and its stderr';

/** What does not become right by asking again: wrong credentials, an address that is closed to us. */
const LASTING: ReadonlySet<string> = new Set(['remote_unauthorized', 'remote_forbidden', 'remote_address_refused']);

/** How many lines of stderr an explanation quotes. */
export const QUOTED_LINES = 10;

/** A failure with what to do about it. `stderr`: the last words of the child. */
export function problem(code: string, message: string, at: number, stderr: string[] = []): Problem {
  const quoted =
    stderr.length > 0 ? `${message}. Its last words on stderr:\n${stderr.slice(-QUOTED_LINES).join('\n')}` : message;
  return { code, message: quoted, hint: HINTS[code] ?? DEFAULT_HINT, at };
}

/** The child is gone: before it was ready, or later. */
export function exitProblem(
  exit: { code: number | null; signal: string | null },
  at: number,
  options: { ready: boolean; stderr: string[] },
): Problem {
  const how = exit.signal !== null ? `was ended by ${exit.signal}` : `exited with code ${exit.code ?? 'unknown'}`;
  return options.ready
    ? problem('exited', `The program ${how}`, at, options.stderr)
    : problem('exited_before_handshake', `The program ${how} before it was ready`, at, options.stderr);
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
  if (error instanceof HandshakeError) {
    return { problem: problem(error.code, message, at, stderr), permanent: error.code === 'protocol_mismatch' };
  }
  if (error instanceof TransportError) {
    const permanent = LASTING.has(error.code);
    return { problem: problem(error.code, message, at, stderr), permanent };
  }
  const code = error instanceof DomainError ? error.code : 'start_failed';
  return { problem: problem(code, message, at, stderr), permanent: false };
}
