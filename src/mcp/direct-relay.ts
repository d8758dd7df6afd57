import type { AnswerText } from './answer-text';
import { isRecord } from './call-params';
import { RPC_CODES } from './json-rpc.types';
import type { McpPeer } from './mcp-peer';
import type { PeerCallError } from './peer.errors';
import type { RelaySink } from './peer.types';
import {
  ANSWERED_OK,
  ANSWERED_TOOL_ERROR,
  type AnswerFacts,
  type Exchange,
  type Relay,
  type RelayClient,
} from './relay.types';

/** Client and server speak the same era: everything passes byte for byte but for ids and progress tokens. */
export class DirectRelay implements Relay {
  request(peer: McpPeer, exchange: Exchange, client: RelayClient, timeoutMs: number): void {
    const { message: source } = exchange;
    const { name, sessionId } = client;
    const handle = peer.relay({ source, timeoutMs, client: name, sessionId }, new DirectSink(exchange));
    exchange.onCancel = (reason) => handle.cancel(reason);
  }
}

class DirectSink implements RelaySink {
  constructor(private readonly exchange: Exchange) {}

  onAnswer(answer: AnswerText): void {
    this.exchange.answer(answer.withId(this.exchange.message.idText), factsOf(answer));
  }

  onError(error: PeerCallError): void {
    this.exchange.fail(error);
  }

  onNotification(text: string): void {
    this.exchange.send(text);
  }
}

export function factsOf(answer: AnswerText): AnswerFacts {
  if (answer.isError) return { outcome: 'rpc_error', errorCode: errorCodeIn(answer.errorText) };
  return answer.isToolError ? ANSWERED_TOOL_ERROR : ANSWERED_OK;
}

/** The code of a JSON-RPC error; what is none counts as an internal error. */
export function errorCodeIn(errorText: string): number {
  try {
    const error: unknown = JSON.parse(errorText);
    if (isRecord(error) && typeof error.code === 'number') return error.code;
  } catch {
    // Large answers are not parsed on their way.
  }
  return RPC_CODES.internalError;
}
