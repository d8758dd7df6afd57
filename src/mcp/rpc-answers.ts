import { DomainError, type ErrorKind } from '../common/domain-error';
import { RPC_CODES } from './json-rpc.types';
import { MalformedMessageError } from './client-message';

/**
 * Codes of our own errors: those of HTTP, which lie outside of what JSON-RPC and MCP keep for themselves. So nobody takes
 * our timeout for an answer of the server (PROTOCOL 1.4, 1.9).
 */
const CODES: Record<ErrorKind, number> = {
  invalid: RPC_CODES.invalidParams,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  'precondition-failed': 412,
  'too-large': 413,
  'unsupported-media-type': 415,
  'range-not-satisfiable': 416,
  unprocessable: 422,
  'rate-limited': 429,
  unavailable: 503,
  'upstream-failed': 502,
  'upstream-timeout': 504,
};

/** The JSON-RPC error of anything thrown: the one place where that is decided; what is unknown tells nothing. */
export function rpcErrorFor(error: unknown): { code: number; message: string; data?: unknown } {
  if (error instanceof MalformedMessageError) return { code: error.rpcCode, message: error.message };
  if (error instanceof RpcRefusal) return { code: error.rpcCode, message: error.message, data: error.data };
  if (error instanceof DomainError) {
    return { code: CODES[error.kind], message: error.message, data: { code: error.code, ...error.extra } };
  }
  return { code: RPC_CODES.internalError, message: 'An unexpected error', data: { code: 'internal_error' } };
}

/** A request that is refused with a code of the protocol. */
export class RpcRefusal extends Error {
  constructor(
    readonly rpcCode: number,
    message: string,
    readonly data?: unknown,
  ) {
    super(message);
    this.name = 'RpcRefusal';
  }
}

/** A whole error message; `idText` is JSON. */
export function errorAnswer(idText: string, error: { code: number; message: string; data?: unknown }): string {
  return `{"jsonrpc":"2.0","id":${idText},"error":${JSON.stringify(error)}}`;
}

export function resultAnswer(idText: string, result: string): string {
  return `{"jsonrpc":"2.0","id":${idText},"result":${result}}`;
}
