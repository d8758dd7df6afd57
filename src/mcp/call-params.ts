import type { RpcId, RpcParams } from './json-rpc.types';

export const META_PROTOCOL_VERSION = 'io.modelcontextprotocol/protocolVersion';
export const META_CLIENT_CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';
export const META_CLIENT_INFO = 'io.modelcontextprotocol/clientInfo';
export const META_SERVER_INFO = 'io.modelcontextprotocol/serverInfo';
export const META_SUBSCRIPTION_ID = 'io.modelcontextprotocol/subscriptionId';
export const META_LOG_LEVEL = 'io.modelcontextprotocol/logLevel';

export interface ClientInfo {
  name: string;
  version: string;
}

/** The `_meta` members that every request of a modern revision carries (2026-07-28, basic, `_meta`). */
export function modernEnvelope(protocolVersion: string, clientInfo: ClientInfo): RpcParams {
  return { [META_PROTOCOL_VERSION]: protocolVersion, [META_CLIENT_CAPABILITIES]: {}, [META_CLIENT_INFO]: clientInfo };
}

/** The caller's progress token, if `params` carry one. */
export function progressTokenOf(params: RpcParams | undefined): RpcId | undefined {
  const token = metaOf(params)?.progressToken;
  return typeof token === 'string' || typeof token === 'number' ? token : undefined;
}

/** `params` with further `_meta` members, without touching the caller's object: `defaults` yield to what is there, `overrides` win. */
export function withMeta(
  params: RpcParams | undefined,
  defaults: RpcParams | null,
  overrides: RpcParams | null,
): RpcParams {
  return { ...params, _meta: { ...defaults, ...metaOf(params), ...overrides } };
}

/** What a message names: the MCP tool or prompt, or the resource's URI; for records and for the header `Mcp-Name`. */
export function targetOf(method: string, params: unknown): string | null {
  if (!isRecord(params)) return null;
  switch (method) {
    case 'tools/call':
    case 'prompts/get':
      return textOf(params.name);
    case 'resources/read':
    case 'resources/subscribe':
    case 'resources/unsubscribe':
    case 'notifications/resources/updated':
      return textOf(params.uri);
    default:
      return null;
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function metaOf(params: RpcParams | undefined): RpcParams | undefined {
  const meta = params?._meta;
  return isRecord(meta) ? meta : undefined;
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
