import { isRecord, META_SUBSCRIPTION_ID } from '../mcp/call-params';
import { ANSWERED_OK } from '../mcp/relay.types';
import { resultAnswer } from '../mcp/rpc-answers';
import type { ClientExchange } from './gateway.types';

interface Subscription {
  exchange: ClientExchange;
  lists: ReadonlySet<string>;
  uris: ReadonlySet<string>;
}

/** Notification -> what a client has to have asked for, and which capability of the server it takes. */
const LISTS: Record<string, { filter: string; capability: string }> = {
  'notifications/tools/list_changed': { filter: 'toolsListChanged', capability: 'tools' },
  'notifications/prompts/list_changed': { filter: 'promptsListChanged', capability: 'prompts' },
  'notifications/resources/list_changed': { filter: 'resourcesListChanged', capability: 'resources' },
};

/** `subscriptions/listen` of modern clients at a legacy server, which tells everything to the one client it has. */
export class ModernListeners {
  private readonly subscriptions = new Map<ClientExchange, Subscription>();

  /** `subscribe`: makes the server tell of a resource. */
  add(exchange: ClientExchange, capabilities: Record<string, unknown>, subscribe: (uri: string) => void): void {
    const filter = exchange.message.params?.notifications;
    const asked = isRecord(filter) ? filter : {};
    const honoured: Record<string, unknown> = {};
    for (const { filter: name, capability } of Object.values(LISTS)) {
      const told = capabilities[capability];
      if (asked[name] === true && isRecord(told) && told.listChanged === true) honoured[name] = true;
    }
    const resources = capabilities.resources;
    const uris = Array.isArray(asked.resourceSubscriptions) ? asked.resourceSubscriptions.filter(isText) : [];
    if (uris.length > 0 && isRecord(resources) && resources.subscribe === true) {
      honoured.resourceSubscriptions = uris;
      for (const uri of uris) subscribe(uri);
    }
    const lists = new Set(Object.keys(honoured));
    const heard = honoured.resourceSubscriptions === undefined ? [] : uris;
    this.subscriptions.set(exchange, { exchange, lists, uris: new Set(heard) });
    exchange.onCancel = () => {
      this.subscriptions.delete(exchange);
      const meta = { [META_SUBSCRIPTION_ID]: exchange.message.id };
      const result = JSON.stringify({ resultType: 'complete', _meta: meta });
      exchange.answer(resultAnswer(exchange.message.idText, result), ANSWERED_OK);
    };
    send(exchange, 'notifications/subscriptions/acknowledged', { notifications: honoured });
  }

  wants(uri: string): boolean {
    return [...this.subscriptions.values()].some(({ uris }) => uris.has(uri));
  }

  tell(method: string, params: Record<string, unknown> | undefined): void {
    const list = LISTS[method];
    const uri = method === 'notifications/resources/updated' ? params?.uri : undefined;
    for (const { exchange, lists, uris } of this.subscriptions.values()) {
      const isWanted = list === undefined ? isText(uri) && uris.has(uri) : lists.has(list.filter);
      if (isWanted) send(exchange, method, params ?? {});
    }
  }
}

function send(exchange: ClientExchange, method: string, params: Record<string, unknown>): void {
  const given = isRecord(params._meta) ? params._meta : {};
  const _meta = { ...given, [META_SUBSCRIPTION_ID]: exchange.message.id };
  exchange.send(JSON.stringify({ jsonrpc: '2.0', method, params: { ...params, _meta } }));
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
