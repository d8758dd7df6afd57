import type { ServerIdentity } from '../mcp/handshake';
import type { McpPeer } from '../mcp/mcp-peer';
import { CallNotDeliveredError, PeerCallError, RpcCallError } from '../mcp/peer.errors';
import { OWN_CLIENT } from '../mcp/peer.types';

/** How a server took the question whether it is there. */
export type PingResult =
  | { is: 'answered'; ms: number }
  /** No answer in time, or none could be had; `reason` says how. */
  | { is: 'missed'; reason: string };

/** HTTP statuses below 500 that say that our server is not to be had; all others of them are the words of a living one. */
const MISSES: ReadonlySet<number> = new Set([401, 403, 404, 408]);

/**
 * Asks for one round trip: `ping` of a legacy server, `server/discover` of a modern one (which knows no ping). An error is
 * an answer, too. Never rejects.
 */
export async function pingServer(peer: McpPeer, identity: ServerIdentity, timeoutMs: number): Promise<PingResult> {
  const method = identity.era === 'legacy' ? 'ping' : 'server/discover';
  const began = performance.now();
  try {
    await peer.request({ method, timeoutMs, client: OWN_CLIENT, sessionId: null });
  } catch (error) {
    if (!isAnswer(error))
      return { is: 'missed', reason: error instanceof PeerCallError ? error.message : String(error) };
  }
  return { is: 'answered', ms: Math.round((performance.now() - began) * 100) / 100 };
}

function isAnswer(error: unknown): boolean {
  if (error instanceof RpcCallError) return true;
  const status = error instanceof CallNotDeliveredError ? error.end.status : undefined;
  return status !== undefined && status < 500 && !MISSES.has(status);
}
