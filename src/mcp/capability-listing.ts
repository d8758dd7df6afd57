import { isRecord } from './call-params';
import type { ServerIdentity } from './handshake';
import { RPC_CODES } from './json-rpc.types';
import type { McpPeer } from './mcp-peer';
import { CallTimeoutError, ListingError, RpcCallError } from './peer.errors';
import { OWN_CLIENT } from './peer.types';

/** What a server offers, as it says it: raw objects. */
export interface Offerings {
  tools: unknown[];
  resources: unknown[];
  resourceTemplates: unknown[];
  prompts: unknown[];
}

export interface ListingOptions {
  /** For all lists together. */
  timeoutMs: number;
  signal: AbortSignal;
  /** Milliseconds that never jump; for tests. */
  monotonic?: () => number;
}

const MAX_PAGES = 1000;

/**
 * Reads every list whose capability the server declared, to its last page.
 * Rejects with a PeerCallError, or a ListingError if a list cannot be followed to its end.
 */
export async function listOfferings(
  peer: McpPeer,
  identity: ServerIdentity,
  options: ListingOptions,
): Promise<Offerings> {
  const monotonic = options.monotonic ?? (() => performance.now());
  const deadline = monotonic() + options.timeoutMs;
  const { capabilities } = identity;
  const list = (method: string, member: string): Promise<unknown[]> =>
    listAll(peer, {
      method,
      member,
      signal: options.signal,
      totalMs: options.timeoutMs,
      remainingMs: () => deadline - monotonic(),
    });

  // One after the other: a child has one pipe, and a slow one should not meet four questions at once.
  const tools = isRecord(capabilities.tools) ? await list('tools/list', 'tools') : [];
  const hasResources = isRecord(capabilities.resources);
  const resources = hasResources ? await list('resources/list', 'resources') : [];
  const resourceTemplates = hasResources
    ? await noneIfUnknown(list('resources/templates/list', 'resourceTemplates'))
    : [];
  const prompts = isRecord(capabilities.prompts) ? await list('prompts/list', 'prompts') : [];
  return { tools, resources, resourceTemplates, prompts };
}

interface ListRequest {
  method: string;
  /** The member of the result that holds the items. */
  member: string;
  signal: AbortSignal;
  totalMs: number;
  remainingMs: () => number;
}

async function listAll(peer: McpPeer, list: ListRequest): Promise<unknown[]> {
  const { method, member, signal } = list;
  const items: unknown[] = [];
  const seen = new Set<string>();
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const timeoutMs = list.remainingMs();
    if (timeoutMs <= 0) throw new CallTimeoutError('The server', method, list.totalMs);
    // An empty cursor is a valid one: only its absence means the first page.
    const params = cursor === undefined ? undefined : { cursor };
    const result = await peer.request({ method, params, timeoutMs, client: OWN_CLIENT, sessionId: null, signal });
    const found = isRecord(result) ? result[member] : undefined;
    if (!isRecord(result) || !Array.isArray(found))
      throw new ListingError(`The answer to ${method} holds no "${member}" array`);
    for (const item of found) items.push(item);
    const next = result.nextCursor;
    if (next === undefined || next === null) return items;
    if (typeof next !== 'string')
      throw new ListingError(`The answer to ${method} holds a nextCursor that is no string`);
    if (seen.has(next)) throw new ListingError(`${method} goes in circles: the server repeated a nextCursor`);
    seen.add(next);
    cursor = next;
  }
  throw new ListingError(`${method} has more than ${MAX_PAGES} pages`);
}

/** Templates came later than resources and have no capability of their own. */
async function noneIfUnknown(list: Promise<unknown[]>): Promise<unknown[]> {
  try {
    return await list;
  } catch (error) {
    if (error instanceof RpcCallError && error.rpcError.code === RPC_CODES.methodNotFound) return [];
    throw error;
  }
}
