import { isRecord } from './call-params';
import { RPC_CODES, type RpcError, type RpcId } from './json-rpc.types';
import type { CallOutcome } from './traffic';

/** Our ids are integers; a server that gives them back as text is understood, as the SDKs do. */
export function ownId(id: unknown): number | null {
  if (typeof id === 'number') return Number.isInteger(id) ? id : null;
  return typeof id === 'string' && /^\d{1,15}$/.test(id) ? Number(id) : null;
}

/** The id as it stands on the wire, for records; null for what is none. */
export function wireId(id: unknown): RpcId | null {
  return typeof id === 'number' || typeof id === 'string' ? id : null;
}

/** How a call ended that was answered with a result. */
export function outcomeOf(result: unknown): CallOutcome {
  return isRecord(result) && result.isError === true ? 'tool_error' : 'ok';
}

/** The error as it came; what is no JSON-RPC error object is wrapped so that it still can be shown. */
export function rpcErrorOf(error: unknown): RpcError {
  if (isRecord(error) && typeof error.code === 'number' && typeof error.message === 'string') {
    return { ...error, code: error.code, message: error.message };
  }
  return { code: RPC_CODES.internalError, message: 'The server answered a malformed error', data: error };
}
