/** JSON-RPC 2.0 as MCP uses it. Messages are parsed leniently and passed on as they came; these types name what we read. */
export type RpcId = string | number;

export type RpcParams = Record<string, unknown>;

export interface RpcError {
  code: number;
  message: string;
  data?: unknown;
}

/** One parsed message; which of the four kinds it is, is told by `kindOf`. */
export interface RpcMessage {
  jsonrpc?: unknown;
  id?: RpcId | null;
  method?: string;
  params?: RpcParams;
  result?: unknown;
  error?: RpcError;
}

export type RpcKind = 'request' | 'response' | 'error' | 'notification';

/** Codes of JSON-RPC 2.0 section 5.1 and of MCP 2026-07-28. */
export const RPC_CODES = {
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internalError: -32603,
  headerMismatch: -32020,
  missingRequiredClientCapability: -32021,
  unsupportedProtocolVersion: -32022,
} as const;

/** The kind of a message, or null if the object is no JSON-RPC message at all. */
export function kindOf(message: RpcMessage): RpcKind | null {
  if (typeof message.method === 'string') {
    return message.id === undefined || message.id === null ? 'notification' : 'request';
  }
  if (message.error !== undefined) return 'error';
  return message.id !== undefined && 'result' in message ? 'response' : null;
}
