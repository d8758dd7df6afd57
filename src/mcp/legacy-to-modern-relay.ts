import type { AnswerText } from './answer-text';
import { factsOf } from './direct-relay';
import { withoutMembers } from './json-text';
import type { McpPeer } from './mcp-peer';
import type { PeerCallError } from './peer.errors';
import type { CallHandle, RelaySink } from './peer.types';
import type { Exchange, Relay, RelayClient } from './relay.types';

/** Members of modern results that no older revision knows. */
const MODERN_MEMBERS: ReadonlySet<string> = new Set(['resultType', 'ttlMs', 'cacheScope']);
const MODERN_RESULT = /"(?:resultType|ttlMs|cacheScope)"/;

/**
 * A client with sessions asks a server of the modern era (PROTOCOL 1.11 B): each request gets the envelope that the session
 * stands for, results lose what only modern clients know.
 */
export class LegacyToModernRelay implements Relay {
  request(peer: McpPeer, exchange: Exchange, client: RelayClient, timeoutMs: number): void {
    new BridgedCall(peer, exchange, client, timeoutMs).begin();
  }
}

class BridgedCall implements RelaySink {
  private handle: CallHandle | null = null;

  constructor(
    private readonly peer: McpPeer,
    private readonly exchange: Exchange,
    private readonly client: RelayClient,
    private readonly timeoutMs: number,
  ) {}

  begin(): void {
    const { message: source } = this.exchange;
    const { name, sessionId, envelope } = this.client;
    this.handle = this.peer.relay(
      { source, edit: { insert: envelope }, timeoutMs: this.timeoutMs, client: name, sessionId },
      this,
    );
    this.exchange.onCancel = (reason) => this.handle?.cancel(reason);
  }

  onAnswer(answer: AnswerText): void {
    const { idText } = this.exchange.message;
    if (answer.isError) {
      this.exchange.answer(answer.withId(idText), factsOf(answer));
      return;
    }
    const { resultText } = answer;
    // A name that stands inside a string is no member: then the slower look decides.
    const isModern = MODERN_RESULT.test(resultText);
    if (!isModern) {
      this.exchange.answer(answer.withId(idText), factsOf(answer));
      return;
    }
    const result = withoutMembers(resultText, (key) => MODERN_MEMBERS.has(key));
    this.exchange.answer(answer.withResult(idText, result), factsOf(answer));
  }

  onError(error: PeerCallError): void {
    this.exchange.fail(error);
  }

  onNotification(text: string): void {
    this.exchange.send(text);
  }
}
