import type { CallHandle, RelaySink } from '../mcp/peer.types';
import { ClientMessage } from '../mcp/client-message';
import { isRecord, META_CLIENT_CAPABILITIES, META_PROTOCOL_VERSION, META_SUBSCRIPTION_ID } from '../mcp/call-params';
import { NEWEST_MODERN_VERSION } from '../mcp/revisions';
import type { ToolSession } from '../supervisor/tool-session';

type Listener = (method: string, params: Record<string, unknown> | undefined, text: string) => void;

/**
 * What sessions hear of a server of the modern era: one `subscriptions/listen` for all of them, begun anew when they want
 * to hear of other resources. Its notifications lose the mark of the subscription, which no older revision knows.
 */
export class ModernFeed {
  private session: ToolSession | null = null;
  private wanted = '';
  private handle: CallHandle | null = null;

  constructor(private readonly tell: Listener) {}

  follow(session: ToolSession, { uris, any }: { uris: ReadonlySet<string>; any: boolean }): void {
    if (session.identity?.era !== 'modern' || session.peer === null) return;
    const filter = any ? filterFor(session.identity.capabilities, [...uris].sort()) : null;
    const wanted = JSON.stringify(filter);
    if (session === this.session && wanted === this.wanted) return;
    this.handle?.cancel('The sessions want to hear of something else');
    this.session = session;
    this.wanted = wanted;
    this.handle = filter === null ? null : this.listen(session, filter);
  }

  private listen({ peer }: ToolSession, filter: Record<string, unknown>): CallHandle | null {
    if (peer === null) return null;
    const _meta = { [META_PROTOCOL_VERSION]: NEWEST_MODERN_VERSION, [META_CLIENT_CAPABILITIES]: {} };
    const params = { notifications: filter, _meta };
    const text = JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'subscriptions/listen', params });
    const [source] = ClientMessage.readAll(text);
    if (source === undefined) return null;
    const sink: RelaySink = {
      onAnswer: () => undefined,
      onError: () => undefined,
      onNotification: (notification) => this.onNotification(notification),
    };
    return peer.relay({ source, timeoutMs: Infinity, client: 'mcps', sessionId: null }, sink);
  }

  private onNotification(text: string): void {
    const message: unknown = JSON.parse(text);
    if (!isRecord(message) || typeof message.method !== 'string') return;
    if (message.method === 'notifications/subscriptions/acknowledged') return;
    const params = isRecord(message.params) ? { ...message.params } : {};
    if (isRecord(params._meta)) {
      const { [META_SUBSCRIPTION_ID]: _id, ...meta } = params._meta;
      if (Object.keys(meta).length > 0) params._meta = meta;
      else delete params._meta;
    }
    const { method } = message;
    const plain = Object.keys(params).length > 0 ? { jsonrpc: '2.0', method, params } : { jsonrpc: '2.0', method };
    this.tell(method, params, JSON.stringify(plain));
  }
}

function filterFor(capabilities: Record<string, unknown>, uris: string[]): Record<string, unknown> | null {
  const filter: Record<string, unknown> = {};
  const lists = { tools: 'toolsListChanged', prompts: 'promptsListChanged', resources: 'resourcesListChanged' };
  for (const [capability, name] of Object.entries(lists)) {
    const told = capabilities[capability];
    if (isRecord(told) && told.listChanged === true) filter[name] = true;
  }
  if (uris.length > 0) filter.resourceSubscriptions = uris;
  return Object.keys(filter).length > 0 ? filter : null;
}
