import { DomainError, type ErrorKind } from '../common/domain-error';
import { statusOf } from '../common/problem.filter';
import { RPC_CODES } from './json-rpc.types';
import { MalformedMessageError } from './client-message';

/**
 * The code of an error of our own: that of HTTP, which lies outside of what JSON-RPC and MCP keep for themselves. So nobody
 * takes our timeout for an answer of the server (PROTOCOL 1.4, 1.9).
 */
function codeOf(kind: ErrorKind): number {
  return kind === 'invalid' ? RPC_CODES.invalidParams : statusOf(kind);
}

/** The JSON-RPC error of anything thrown: the one place where that is decided; what is unknown tells nothing. */
export function rpcErrorFor(error: unknown): { code: number; message: string; data?: unknown } {
  if (error instanceof MalformedMessageError) return { code: error.rpcCode, message: error.message };
  if (error instanceof RpcRefusal) return { code: error.rpcCode, message: error.message, data: error.data };
  if (error instanceof DomainError) {
    return { code: codeOf(error.kind), message: error.message, data: { code: error.code, ...error.extra } };
  }
  return { code: RPC_CODES.internalError, message: 'An unexpected error', data: { code: 'internal_error' } };
}

/** Whether an error tells a client something: any other one is for our own log. */
export function isTellable(error: unknown): boolean {
  return error instanceof DomainError || error instanceof MalformedMessageError || error instanceof RpcRefusal;
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
