import { isRecord, META_SUBSCRIPTION_ID } from '../mcp/call-params';
import { ANSWERED_OK } from '../mcp/relay.types';
import { resultAnswer } from '../mcp/rpc-answers';
import type { OfferedList } from '../tools/known-offerings';
import type { ClientExchange, Endpoint } from './gateway.types';
import { JointExchange } from './joint-exchange';
import { LIST_CHANGED } from './joint-lists';
import { rewritten } from './joint-session';

/** Resources to hear of at one tool: its own address -> how the client knows it. */
export interface HeardResources {
  endpoint: Endpoint;
  uris: ReadonlyMap<string, string>;
}

interface Listener {
  readonly exchange: ClientExchange;
  readonly lists: ReadonlySet<OfferedList>;
  readonly inner: Set<JointExchange>;
}

const FILTERS: Record<OfferedList, string> = {
  tools: 'toolsListChanged',
  prompts: 'promptsListChanged',
  resources: 'resourcesListChanged',
};
/** After a server has ended a subscription (it was restarted, say). */
const AGAIN_MS = 2_000;

/** `subscriptions/listen` at the joint endpoint (2026-07-28): lists are watched here, resources by the tools they are of. */
export class JointListeners {
  private readonly listeners = new Set<Listener>();

  get size(): number {
    return this.listeners.size;
  }

  add(exchange: ClientExchange, heard: readonly HeardResources[]): void {
    const filter = exchange.message.params?.notifications;
    const asked = isRecord(filter) ? filter : {};
    const lists = (Object.keys(FILTERS) as OfferedList[]).filter((list) => asked[FILTERS[list]] === true);
    const uris = heard.flatMap((resources) => [...resources.uris.values()]);
    const honoured = {
      ...Object.fromEntries(lists.map((list) => [FILTERS[list], true])),
      ...(uris.length > 0 && { resourceSubscriptions: uris }),
    };
    const listener: Listener = { exchange, lists: new Set(lists), inner: new Set() };
    this.listeners.add(listener);
    exchange.onCancel = (reason) => this.end(listener, reason);
    tell(exchange, 'notifications/subscriptions/acknowledged', { notifications: honoured });
    for (const resources of heard) this.hear(listener, resources);
  }

  /** Tells who wants to know and may see the tools concerned. */
  changed(list: OfferedList, concerns: (exchange: ClientExchange) => boolean): void {
    for (const { exchange, lists } of this.listeners) {
      if (lists.has(list) && concerns(exchange)) tell(exchange, LIST_CHANGED[list], {});
    }
  }

  private end(listener: Listener, reason?: string): void {
    const { exchange, inner } = listener;
    if (!this.listeners.delete(listener)) return;
    for (const each of [...inner]) each.cancel(reason);
    const result = { resultType: 'complete', _meta: { [META_SUBSCRIPTION_ID]: exchange.message.id } };
    exchange.answer(resultAnswer(exchange.message.idText, JSON.stringify(result)), ANSWERED_OK);
  }

  private hear(listener: Listener, resources: HeardResources): void {
    const { endpoint, uris } = resources;
    const { client, message } = listener.exchange;
    const notifications = JSON.stringify({ resourceSubscriptions: [...uris.keys()] });
    const again = (): void => {
      const timer = setTimeout(() => {
        if (this.listeners.has(listener)) this.hear(listener, resources);
      }, AGAIN_MS);
      timer.unref();
    };
    const inner = new JointExchange(
      client,
      rewritten(message, ['params', 'notifications'], notifications),
      endpoint,
      {
        answer: again,
        fail: again,
        send: (text) => this.pass(listener, uris, text),
      },
      (ended) => listener.inner.delete(ended),
    );
    listener.inner.add(inner);
    inner.begin();
  }

  private pass({ exchange }: Listener, uris: ReadonlyMap<string, string>, text: string): void {
    const message: unknown = JSON.parse(text);
    if (!isRecord(message) || message.method !== 'notifications/resources/updated' || !isRecord(message.params)) return;
    const uri = typeof message.params.uri === 'string' ? uris.get(message.params.uri) : undefined;
    if (uri !== undefined) tell(exchange, message.method, { ...message.params, uri });
  }
}

function tell(exchange: ClientExchange, method: string, params: Record<string, unknown>): void {
  const given = isRecord(params._meta) ? params._meta : {};
  const _meta = { ...given, [META_SUBSCRIPTION_ID]: exchange.message.id };
  exchange.send(JSON.stringify({ jsonrpc: '2.0', method, params: { ...params, _meta } }));
}
