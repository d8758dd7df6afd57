import { isRecord } from './call-params';
import type { ServerIdentity } from './handshake';
import { RPC_CODES } from './json-rpc.types';
import type { McpPeer } from './mcp-peer';
import { type PeerCallError, RpcCallError } from './peer.errors';
import { OWN_CLIENT } from './peer.types';

const CHANGED = /^notifications\/(?:tools|prompts|resources)\/list_changed$/;
const AGAIN_MS = 5_000;

/**
 * Tells when a server says that one of its lists has changed. A legacy server says so by itself, a modern one only to who
 * listens (2026-07-28 basic/patterns/subscriptions); the listening is taken up again when it breaks, as long as the
 * connection lives.
 */
export function onListChanged(peer: McpPeer, { era, capabilities }: ServerIdentity, told: () => void): void {
  peer.onNotification((method) => {
    if (CHANGED.test(method)) told();
  });
  const filter = {
    ...(tells(capabilities.tools) && { toolsListChanged: true }),
    ...(tells(capabilities.prompts) && { promptsListChanged: true }),
    ...(tells(capabilities.resources) && { resourcesListChanged: true }),
  };
  if (era === 'modern' && Object.keys(filter).length > 0) listen(peer, filter, told);
}

function tells(capability: unknown): boolean {
  return isRecord(capability) && capability.listChanged === true;
}

function listen(peer: McpPeer, notifications: Record<string, boolean>, told: () => void): void {
  const again = (): void => {
    if (peer.closed) return;
    const timer = setTimeout(() => {
      if (peer.closed) return;
      listen(peer, notifications, told);
      // What was said meanwhile nobody has heard.
      told();
    }, AGAIN_MS);
    timer.unref();
  };
  peer.send(
    {
      method: 'subscriptions/listen',
      params: { notifications },
      timeoutMs: Infinity,
      client: OWN_CLIENT,
      sessionId: null,
    },
    { onResult: again, onError: (error) => (isRefusal(error) ? undefined : again()) },
  );
}

/** The server has no such thing, whatever it declared. */
function isRefusal(error: PeerCallError): boolean {
  return error instanceof RpcCallError && error.rpcError.code === RPC_CODES.methodNotFound;
}
