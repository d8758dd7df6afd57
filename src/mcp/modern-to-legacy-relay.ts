import type { AnswerText } from './answer-text';
import { META_SERVER_INFO } from './call-params';
import type { MetaEdit } from './client-message';
import { factsOf } from './direct-relay';
import { memberText, withMembers, withoutMembers, withValueAt } from './json-text';
import type { McpPeer } from './mcp-peer';
import type { PeerCallError } from './peer.errors';
import type { RelaySink } from './peer.types';
import type { Exchange, Relay, RelayClient } from './relay.types';

const OWN_PREFIX = 'io.modelcontextprotocol/';
/** Results that say how long they hold; of a legacy server nothing is known of that. */
const CACHEABLE: ReadonlySet<string> = new Set([
  ...['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list', 'resources/read'],
]);
/** What became of codes that the modern era has given up. */
const RESOURCE_NOT_FOUND = -32002;
const INVALID_PARAMS = -32602;

/**
 * A client of the modern era asks a server that keeps sessions (PROTOCOL 1.11 A): its envelope is not sent on, results get
 * what modern ones carry.
 */
export class ModernToLegacyRelay implements Relay {
  request(peer: McpPeer, exchange: Exchange, client: RelayClient, timeoutMs: number): void {
    const { message: source } = exchange;
    const { name, sessionId } = client;
    const edit: MetaEdit = { replace: withoutEnvelope };
    const handle = peer.relay({ source, edit, timeoutMs, client: name, sessionId }, new ModernSink(exchange, peer));
    exchange.onCancel = (reason) => handle.cancel(reason);
  }
}

class ModernSink implements RelaySink {
  constructor(
    private readonly exchange: Exchange,
    private readonly peer: McpPeer,
  ) {}

  onAnswer(answer: AnswerText): void {
    modernAnswer(this.exchange, answer, this.peer);
  }

  onError(error: PeerCallError): void {
    this.exchange.fail(error);
  }

  onNotification(text: string): void {
    this.exchange.send(text);
  }
}

/** Answers a modern client with what a legacy server has said. */
export function modernAnswer(exchange: Exchange, answer: AnswerText, peer: McpPeer): void {
  const { idText, method, params } = exchange.message;
  const facts = factsOf(answer);
  if (!answer.isError) {
    exchange.answer(answer.withResult(idText, modernResult(method, answer.resultText, peer)), facts);
    return;
  }
  if (facts.errorCode !== RESOURCE_NOT_FOUND) {
    exchange.answer(answer.withId(idText), facts);
    return;
  }
  const message = memberText(answer.errorText, 'message') ?? '"Resource not found"';
  const error = `{"code":${INVALID_PARAMS},"message":${message},"data":${JSON.stringify({ uri: params?.uri })}}`;
  const text = `{"jsonrpc":"2.0","id":${idText},"error":${error}}`;
  exchange.answer(text, { outcome: 'rpc_error', errorCode: INVALID_PARAMS });
}

/** The result of a legacy server, as the modern era wants it: what is there stays, byte for byte. */
export function modernResult(method: string, result: string, { identity }: McpPeer): string {
  if (!result.startsWith('{')) return result;
  const caching = CACHEABLE.has(method) ? ',"ttlMs":0,"cacheScope":"private"' : '';
  const serverInfo = JSON.stringify(identity?.serverInfo ?? { name: 'unknown', version: '' });
  const info = `"${META_SERVER_INFO}":${serverInfo}`;
  const meta = memberText(result, '_meta');
  if (meta === undefined) return withMembers(result, `"resultType":"complete"${caching},"_meta":{${info}}`);
  const withInfo = withValueAt(result, ['_meta'], meta.startsWith('{') ? withMembers(meta, info) : meta);
  return withMembers(withInfo, `"resultType":"complete"${caching}`);
}

/** What is the protocol's own goes, but for what both eras know; what is the client's stays. */
export function withoutEnvelope(metaText: string, idText: string): string {
  const plain = withoutMembers(metaText, (key) => key.startsWith(OWN_PREFIX));
  return withValueAt(plain, ['progressToken'], idText);
}
