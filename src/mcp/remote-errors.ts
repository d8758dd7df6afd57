import { TransportError, type TransportEnd } from './transport.types';

/** What a remote answered instead of MCP. */
export interface RefusedAnswer {
  status: number;
  contentType: string | null;
  /** The first part of the body. */
  bodyHead: string;
  /** Whether the request named a session that the server had opened. */
  hadSession: boolean;
}

const BY_STATUS: Readonly<Record<number, [code: string, meaning: string]>> = {
  401: ['remote_unauthorized', 'asks for credentials, or refuses the configured ones'],
  403: ['remote_forbidden', 'forbids the access'],
  404: ['remote_not_found', 'knows no such address'],
  408: ['remote_timeout', 'gave up waiting'],
  429: ['remote_rate_limited', 'asks to slow down'],
};

const BY_ERROR_CODE: Readonly<Record<string, [code: string, meaning: string]>> = {
  ECONNREFUSED: ['remote_refused', 'The server refused the connection'],
  EHOSTUNREACH: ['remote_refused', 'The server cannot be reached'],
  ENETUNREACH: ['remote_refused', 'The server cannot be reached'],
  ENOTFOUND: ['remote_dns', 'The name of the server is unknown'],
  EAI_AGAIN: ['remote_dns', 'The name of the server could not be looked up'],
  ETIMEDOUT: ['remote_timeout', 'The server did not answer in time'],
  UND_ERR_CONNECT_TIMEOUT: ['remote_timeout', 'The server did not accept the connection in time'],
  UND_ERR_HEADERS_TIMEOUT: ['remote_timeout', 'The server did not answer in time'],
  UND_ERR_BODY_TIMEOUT: ['remote_timeout', 'The server stopped in the middle of an answer'],
  ECONNRESET: ['remote_connection_lost', 'The server broke the connection'],
  EPIPE: ['remote_connection_lost', 'The server broke the connection'],
  UND_ERR_SOCKET: ['remote_connection_lost', 'The server broke the connection'],
};

const TLS_CODE =
  /^(CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|EPROTO)/;
const PARSE_ERRORS: ReadonlySet<string> = new Set(['SyntaxError', 'ZodError', '$ZodError']);
const MAX_CAUSES = 5;
const SAMPLE_CHARACTERS = 200;

/** The end of a request that an HTTP status refused, in stable words. */
export function endOfStatus(answer: RefusedAnswer): TransportEnd {
  const { status } = answer;
  const sample = sampleOf(answer);
  if (status === 404 && answer.hadSession) {
    return { code: 'remote_session_lost', message: 'The server has ended our session (HTTP 404)', status };
  }
  const known = BY_STATUS[status];
  if (known) return { code: known[0], message: `The server ${known[1]} (HTTP ${status})${sample}`, status };
  if (status >= 500) {
    return { code: 'remote_server_error', message: `The server failed (HTTP ${status})${sample}`, status };
  }
  return { code: 'remote_http_error', message: `The server answered HTTP ${status}${sample}`, status };
}

/** The end of a request that was answered with something that is no MCP. */
export function endOfForeignAnswer(answer: RefusedAnswer): TransportEnd {
  const type = answer.contentType ?? 'no content type';
  return {
    code: 'remote_not_mcp',
    message: `The server answered HTTP ${answer.status} with ${type}, which is no MCP${sampleOf(answer)}`,
    status: answer.status,
  };
}

/** The end of a request that failed below or beside HTTP: what `fetch` or the SDK threw, in stable words. */
export function endOfFailure(error: unknown): TransportEnd {
  let current = error;
  for (let depth = 0; depth < MAX_CAUSES && typeof current === 'object' && current !== null; depth += 1) {
    if (current instanceof TransportError)
      return { code: current.code, message: current.message, status: current.status };
    const { code, name, cause } = factsOf(current);
    const known = code === undefined ? undefined : BY_ERROR_CODE[code];
    if (known) return { code: known[0], message: `${known[1]} (${code ?? ''})` };
    if (code !== undefined && TLS_CODE.test(code)) {
      return { code: 'remote_tls', message: `No trusted TLS connection to the server (${code})` };
    }
    if (name === 'TimeoutError') return { code: 'remote_timeout', message: 'The server did not answer in time' };
    if (name !== undefined && PARSE_ERRORS.has(name)) {
      return { code: 'remote_not_mcp', message: 'The server answered something that is no JSON-RPC message' };
    }
    current = cause;
  }
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'remote_http_error', message: `The request failed: ${message.slice(0, SAMPLE_CHARACTERS)}` };
}

/** Errors cross realms here (workers, test environments), so they are read by their members, not by their class. */
function factsOf(error: object): { code?: string; name?: string; cause?: unknown } {
  const { code, name, cause, errors } = error as { code?: unknown; name?: unknown; cause?: unknown; errors?: unknown };
  // A name with several addresses fails with one error for each of them; the first speaks for all.
  const several: unknown = Array.isArray(errors) ? errors[0] : undefined;
  return {
    code: typeof code === 'string' ? code : undefined,
    name: typeof name === 'string' ? name : undefined,
    cause: cause ?? several,
  };
}

function sampleOf({ bodyHead, contentType }: RefusedAnswer): string {
  // A page of HTML explains nothing in a line of text.
  if (bodyHead === '' || contentType?.includes('html')) return '';
  return `: ${bodyHead.slice(0, SAMPLE_CHARACTERS).replace(/\s+/g, ' ').trim()}`;
}
