import { TransportError, type TransportEnd } from './transport.types';

/** What a remote answered instead of MCP. */
export interface RefusedAnswer {
  status: number;
  contentType: string | null;
  /** The first part of the body. */
  bodyHead: string;
  /** Whether the request named a session that the server had opened. */
  hadSession: boolean;
  /** The header `Retry-After`, as it came. */
  retryAfter?: string | null;
}

/** What is known of a request that waits. */
export interface WaitingRequest {
  /** The head of the answer has come. */
  responded: boolean;
}

const BY_STATUS: Readonly<Record<number, [code: string, meaning: string]>> = {
  401: ['remote_unauthorized', 'asks for credentials, or refuses the configured ones'],
  403: ['remote_forbidden', 'forbids the access'],
  404: ['remote_not_found', 'knows no such address'],
  408: ['remote_timeout', 'gave up waiting'],
  429: ['remote_rate_limited', 'asks to slow down'],
  502: ['remote_gateway_error', 'is a proxy that got no answer from the one behind it'],
  504: ['remote_gateway_error', 'is a proxy that waited in vain for the one behind it'],
};

const BY_ERROR_CODE: Readonly<Record<string, [code: string, meaning: string]>> = {
  ECONNREFUSED: ['remote_refused', 'The server refused the connection'],
  EHOSTUNREACH: ['remote_unreachable', 'There is no way to the server'],
  ENETUNREACH: ['remote_unreachable', 'There is no way to the server'],
  EHOSTDOWN: ['remote_unreachable', 'There is no way to the server'],
  ENETDOWN: ['remote_unreachable', 'There is no way to the server'],
  ENOTFOUND: ['remote_dns', 'The name of the server is unknown'],
  EAI_AGAIN: ['remote_dns', 'The name of the server could not be looked up'],
  ETIMEDOUT: ['remote_timeout', 'The server did not answer in time'],
  UND_ERR_CONNECT_TIMEOUT: ['remote_timeout', 'The server did not accept the connection in time'],
  UND_ERR_HEADERS_TIMEOUT: ['remote_timeout', 'The server did not answer in time'],
  UND_ERR_BODY_TIMEOUT: ['remote_stalled', 'The server stopped in the middle of an answer'],
  ECONNRESET: ['remote_connection_lost', 'The server broke the connection'],
  EPIPE: ['remote_connection_lost', 'The server broke the connection'],
  UND_ERR_SOCKET: ['remote_connection_lost', 'The server broke the connection'],
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: ['remote_connection_lost', 'The server broke off in the middle of an answer'],
  CERT_HAS_EXPIRED: ['remote_tls_expired', "The server's certificate has expired"],
  CERT_NOT_YET_VALID: ['remote_tls_expired', "The server's certificate is not valid yet"],
  ERR_TLS_CERT_ALTNAME_INVALID: ['remote_tls_wrong_host', "The server's certificate is for another host"],
  HOSTNAME_MISMATCH: ['remote_tls_wrong_host', "The server's certificate is for another host"],
};

/** What OpenSSL says of a chain that leads to nobody we trust. */
const UNTRUSTED_CODE =
  /^(?:DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|CERT_|INVALID_CA|INVALID_PURPOSE)/;
const TLS_CODE = /^(?:ERR_TLS_|ERR_SSL_|EPROTO)/;
/** What answers is no HTTP at all. */
const HTTP_PARSE_CODE = /^HPE_/;
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
  const pause = status === 429 || status === 503 ? retryAfterWords(answer.retryAfter) : '';
  if (known) return { code: known[0], message: `The server ${known[1]} (HTTP ${status})${pause}${sample}`, status };
  if (status >= 500) {
    return { code: 'remote_server_error', message: `The server failed (HTTP ${status})${pause}${sample}`, status };
  }
  return { code: 'remote_http_error', message: `The server answered HTTP ${status}${sample}`, status };
}

/** The end of requests that are given up: all of them are silent, but not all in the same way. */
export function endOfSilence(waiting: readonly WaitingRequest[]): TransportEnd | null {
  if (waiting.length === 0) return null;
  return waiting.some((request) => request.responded)
    ? { code: 'remote_stalled', message: 'The server began an answer and did not finish it' }
    : { code: 'remote_timeout', message: 'The server took the request and did not answer' };
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
    if (code !== undefined && UNTRUSTED_CODE.test(code)) {
      return {
        code: 'remote_tls_untrusted',
        message: `The server's certificate is signed by nobody we trust (${code})`,
      };
    }
    if (code !== undefined && TLS_CODE.test(code)) {
      return { code: 'remote_tls', message: `No TLS connection to the server (${code})` };
    }
    // The client's parser gives no code for an answer that does not even begin like HTTP.
    if (name === 'HTTPParserError' || (code !== undefined && HTTP_PARSE_CODE.test(code))) {
      return { code: 'remote_not_mcp', message: 'The server answered something that is no HTTP' };
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

/** `Retry-After` is a number of seconds or a date; anything else is not repeated. */
function retryAfterWords(value: string | null | undefined): string {
  if (value === null || value === undefined) return '';
  if (/^\d{1,9}$/.test(value)) return `; it may be asked again in ${Number(value)} s`;
  const at = Date.parse(value);
  return Number.isNaN(at) ? '' : `; it may be asked again at ${new Date(at).toISOString()}`;
}

function sampleOf({ bodyHead, contentType }: RefusedAnswer): string {
  // A page of HTML explains nothing in a line of text.
  if (bodyHead === '' || contentType?.includes('html')) return '';
  return `: ${bodyHead.slice(0, SAMPLE_CHARACTERS).replace(/\s+/g, ' ').trim()}`;
}
