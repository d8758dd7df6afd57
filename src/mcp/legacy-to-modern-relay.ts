import { newId } from '../common/ids';
import type { AnswerText } from './answer-text';
import { factsOf } from './direct-relay';
import { membersOf, memberText, withMembers } from './json-text';
import type { McpPeer } from './mcp-peer';
import type { PeerCallError } from './peer.errors';
import type { RelaySink } from './peer.types';
import type { Exchange, Relay, RelayClient } from './relay.types';
import { RpcRefusal } from './rpc-answers';
import { RPC_CODES } from './json-rpc.types';

/** A server that asks more often than this does not come to an end. */
const MAX_ROUNDS = 10;
/** Rounds in which nothing is asked are polling: they come no faster than this, each later than the one before. */
const POLL_MS = 250;

/**
 * A client with sessions asks a server of the modern era (PROTOCOL 1.11 B): each request gets the envelope that the session
 * stands for, results lose what only modern clients know, and what the server asks in its results becomes requests to the
 * client, on the stream of the request that they belong to.
 */
export class LegacyToModernRelay implements Relay {
  request(peer: McpPeer, exchange: Exchange, client: RelayClient, timeoutMs: number): void {
    new BridgedCall(peer, exchange, client, timeoutMs).send();
  }
}

class BridgedCall implements RelaySink {
  private round = 0;

  constructor(
    private readonly peer: McpPeer,
    private readonly exchange: Exchange,
    private readonly client: RelayClient,
    private readonly timeoutMs: number,
  ) {}

  /** `params`: members that a further round adds. */
  send(params?: string): void {
    const { message: source } = this.exchange;
    const { name, sessionId, envelope } = this.client;
    const edit = { insert: envelope, params };
    const handle = this.peer.relay({ source, edit, timeoutMs: this.timeoutMs, client: name, sessionId }, this);
    this.exchange.onCancel = (reason) => handle.cancel(reason);
  }

  onAnswer(answer: AnswerText): void {
    const { idText } = this.exchange.message;
    if (answer.isInputRequired) void this.ask(answer.resultText);
    else this.exchange.answer(answer.forLegacy(idText), factsOf(answer));
  }

  onError(error: PeerCallError): void {
    this.exchange.fail(error);
  }

  onNotification(text: string): void {
    this.exchange.send(text);
  }

  /** Asks the client all that the server wants to know, and the server again with what it says. */
  private async ask(result: string): Promise<void> {
    this.round += 1;
    try {
      if (this.round > MAX_ROUNDS) {
        throw new RpcRefusal(RPC_CODES.internalError, `The server asked ${MAX_ROUNDS} times and came to no end`);
      }
      // While the client is asked, nothing is at the server that could be cancelled: the exchange ends by itself.
      this.exchange.onCancel = null;
      const state = memberText(result, 'requestState');
      const stateMember = state === undefined ? '' : `"requestState":${state}`;
      const asked = memberText(result, 'inputRequests');
      if (asked === undefined || membersOf(asked).length === 0) {
        setTimeout(() => this.sendUnlessOver(stateMember), POLL_MS * this.round);
        return;
      }
      const answers = await Promise.all(
        membersOf(asked).map(async ([key, request]) => `${key}:${await this.askOne(request)}`),
      );
      const members = [stateMember, `"inputResponses":{${answers.join(',')}}`].filter((member) => member !== '');
      this.sendUnlessOver(members.join(','));
    } catch (error) {
      this.exchange.fail(error);
    }
  }

  private askOne(request: string): Promise<string> {
    const method: unknown = JSON.parse(memberText(request, 'method') ?? 'null');
    const params = memberText(request, 'params');
    if (typeof method !== 'string' || this.client.ask === undefined) {
      throw new RpcRefusal(
        RPC_CODES.internalError,
        'The server wants to know something that this client can not be asked',
      );
    }
    return this.client.ask(this.exchange, method, params === undefined ? undefined : withElicitationId(method, params));
  }

  /** Never throws: a timer calls it. */
  private sendUnlessOver(params: string): void {
    if (this.exchange.isOver) return;
    try {
      this.send(params === '' ? undefined : params);
    } catch (error) {
      this.exchange.fail(error);
    }
  }
}

/** Older revisions want each elicitation by URL to have an id. */
function withElicitationId(method: string, params: string): string {
  const isUrl = method === 'elicitation/create' && memberText(params, 'mode') === '"url"';
  if (!isUrl || memberText(params, 'elicitationId') !== undefined) return params;
  return withMembers(params, `"elicitationId":"${newId()}"`);
}
