import { AnswerText } from './answer-text';
import { isRecord, META_SUBSCRIPTION_ID } from './call-params';
import { kindOf, RPC_CODES, type RpcMessage } from './json-rpc.types';
import { withValueAt } from './json-text';
import type { OpenCalls } from './open-calls';
import { CallNotDeliveredError, MessageTooBigError, RpcCallError } from './peer.errors';
import { attributionOf, type PeerRecorder, UNATTRIBUTED } from './peer-recorder';
import type {
  CallSink,
  NotificationListener,
  PeerCounters,
  PeerTool,
  ProtocolEra,
  RelaySink,
  ServerRequestHandler,
} from './peer.types';
import type { PendingCall } from './pending-call';
import { outcomeOf, ownId, rpcErrorOf, wireId } from './rpc-reading';
import type { TransportEnd } from './transport.types';
import { visibleId } from './visible-id';

/** What the messages of a server need of the peer they came to. */
export interface IncomingOptions {
  tool: PeerTool;
  calls: OpenCalls;
  recorder: PeerRecorder;
  counts: PeerCounters;
  /** Epoch milliseconds. */
  now: () => number;
  /** Milliseconds that never jump. */
  monotonic: () => number;
  /** Sends what nobody waits for; false if the connection does not take it. */
  trySend: (message: RpcMessage, text: string) => boolean;
}

/** Everything a server says: each message finds the call or the listener it is meant for; what fits nothing is counted (F18, F19). */
export class IncomingMessages {
  /** Epoch milliseconds of the last message. */
  lastSeenAt: number | null = null;
  /** How many messages there were: whoever compares two readings knows whether the server lives. */
  heard = 0;
  era: ProtocolEra = 'legacy';
  /** Takes what a legacy server asks of its client; null: it has nothing to ask. */
  onRequest: ServerRequestHandler | null = null;

  private readonly tool: PeerTool;
  private readonly calls: OpenCalls;
  private readonly recorder: PeerRecorder;
  private readonly counts: PeerCounters;
  private readonly now: () => number;
  private readonly monotonic: () => number;
  private readonly trySend: IncomingOptions['trySend'];
  private readonly listeners = new Set<NotificationListener>();

  constructor(options: IncomingOptions) {
    this.tool = options.tool;
    this.calls = options.calls;
    this.recorder = options.recorder;
    this.counts = options.counts;
    this.now = options.now;
    this.monotonic = options.monotonic;
    this.trySend = options.trySend;
  }

  /** Hears every notification but progress, which goes to its call. Returns the way to stop. */
  onNotification(listener: NotificationListener): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Nothing more will come. */
  end(): void {
    this.listeners.clear();
  }

  take(message: RpcMessage, text: string, sizeBytes: number): void {
    this.lastSeenAt = this.now();
    this.heard += 1;
    this.calls.noteHeard();
    switch (kindOf(message)) {
      case 'response':
      case 'error':
        this.onAnswer(message, text, sizeBytes);
        return;
      case 'notification':
        this.onServerNotification(message, text, sizeBytes);
        return;
      case 'request':
        this.onServerRequest(message, text, sizeBytes);
        return;
      default:
        this.counts.noise += 1;
    }
  }

  /** A message over the size cap: the call it answers fails, if its id is in sight. */
  takeOversized(head: string, sizeBytes: number, tail?: string): void {
    this.counts.oversized += 1;
    this.heard += 1;
    this.calls.noteHeard();
    const call = this.calls.find(visibleId(head, tail));
    if (!call) return;
    const error = new MessageTooBigError(this.tool.name, call.method, sizeBytes);
    this.calls.fail(call, error, 'transport_error', sizeBytes);
  }

  /** A message of ours that could not be delivered after all. */
  takeSendFailure(message: RpcMessage, end: TransportEnd): void {
    const call = this.calls.find(message.method === undefined ? null : ownId(message.id));
    if (call) this.calls.fail(call, new CallNotDeliveredError(this.tool.name, call.method, end), 'transport_error');
  }

  /** An answer that was only looked at, not parsed; false: the call it is for wants it parsed. */
  takeAnswerText(answer: AnswerText, sizeBytes: number): boolean {
    const call = this.calls.find(answer.id);
    if (call === undefined || !isRelay(call.sink)) return false;
    this.lastSeenAt = this.now();
    this.heard += 1;
    this.calls.noteHeard();
    this.settleRelay(call, answer, sizeBytes);
    return true;
  }

  private settleRelay(call: PendingCall, answer: AnswerText, sizeBytes: number): void {
    const sink = this.calls.take(call);
    const outcome = answer.isError ? 'rpc_error' : answer.isToolError ? 'tool_error' : 'ok';
    const ended = { outcome, durationMs: this.monotonic() - call.startedAt } as const;
    const kind = answer.isError ? 'error' : 'response';
    this.recorder.answer('from-server', kind, call, call.id, ended, answer.text, sizeBytes);
    try {
      if (isRelay(sink)) sink.onAnswer(answer);
    } catch {
      this.counts.listenerFailures += 1;
    }
  }

  private onAnswer(message: RpcMessage, text: string, sizeBytes: number): void {
    const id = ownId(message.id);
    const call = this.calls.find(id);
    const kind = message.error === undefined ? 'response' : 'error';
    const outcome = message.error === undefined ? outcomeOf(message.result) : 'rpc_error';
    if (!call) {
      const asked = this.calls.wasAsked(id);
      if (asked) this.counts.late += 1;
      else this.counts.unknown += 1;
      const gone = asked ? this.calls.takeAbandoned(id) : undefined;
      const ended = { outcome, durationMs: gone ? this.monotonic() - gone.startedAt : null, late: asked };
      this.recorder.answer('from-server', kind, gone ?? UNATTRIBUTED, wireId(message.id), ended, text, sizeBytes);
      return;
    }
    if (isRelay(call.sink)) {
      this.settleRelay(call, AnswerText.read(text) ?? rewritten(message, call.id), sizeBytes);
      return;
    }
    const sink = this.calls.take(call) as CallSink | null;
    const ended = { outcome, durationMs: this.monotonic() - call.startedAt };
    this.recorder.answer('from-server', kind, call, call.id, ended, text, sizeBytes);
    try {
      if (message.error === undefined) sink?.onResult(message.result, text);
      else sink?.onError(new RpcCallError(this.tool.name, call.method, rpcErrorOf(message.error)));
    } catch {
      this.counts.listenerFailures += 1;
    }
  }

  private onServerNotification(message: RpcMessage, text: string, sizeBytes: number): void {
    const isProgress = message.method === 'notifications/progress';
    const id = isProgress ? ownId(message.params?.progressToken) : subscriptionOf(message);
    const call = this.calls.find(id);
    this.recorder.message('from-server', 'notification', attributionOf(message, call), null, text, sizeBytes);
    try {
      if (call?.source && isRelay(call.sink)) {
        const { source } = call;
        const own = isProgress ? source.tokenText : source.idText;
        call.extend(call.limitMs);
        if (own !== null) call.sink.onNotification(withValueAt(text, isProgress ? TOKEN_PATH : SUBSCRIPTION_PATH, own));
        return;
      }
      if (isProgress) {
        const params = { ...message.params };
        if (call?.callerToken !== undefined) params.progressToken = call.callerToken;
        if (call?.sink && !isRelay(call.sink)) call.sink.onProgress?.(params);
        return;
      }
    } catch {
      this.counts.listenerFailures += 1;
      return;
    }
    for (const listener of this.listeners) {
      try {
        listener(message.method ?? '', message.params, text);
      } catch {
        this.counts.listenerFailures += 1;
      }
    }
  }

  /** `ping` is ours to answer, all else goes to who declared that it can. Modern servers send no requests at all. */
  private onServerRequest(message: RpcMessage, text: string, sizeBytes: number): void {
    const of = attributionOf(message);
    const id = wireId(message.id);
    this.recorder.message('from-server', 'request', of, id, text, sizeBytes);
    if (id === null || this.era === 'modern') {
      this.counts.unknown += 1;
      return;
    }
    const isPing = message.method === 'ping';
    if (!isPing && this.onRequest?.(message, text) === true) return;
    const error = { code: RPC_CODES.methodNotFound, message: `${of.method ?? ''} is not supported by this client` };
    const answer: RpcMessage = isPing ? { jsonrpc: '2.0', id, result: {} } : { jsonrpc: '2.0', id, error };
    const answerText = JSON.stringify(answer);
    if (!this.trySend(answer, answerText)) return;
    const ended = { outcome: isPing ? ('ok' as const) : ('rpc_error' as const), durationMs: 0 };
    const kind = isPing ? 'response' : 'error';
    this.recorder.answer('to-server', kind, of, id, ended, answerText, Buffer.byteLength(answerText));
  }
}

const TOKEN_PATH = ['params', 'progressToken'];
const SUBSCRIPTION_PATH = ['params', '_meta', META_SUBSCRIPTION_ID];

function isRelay(sink: CallSink | RelaySink | null): sink is RelaySink {
  return sink !== null && 'onAnswer' in sink;
}

/** Which `subscriptions/listen` of ours a notification belongs to (modern revisions). */
function subscriptionOf(message: RpcMessage): number | null {
  const meta = message.params?._meta;
  return isRecord(meta) ? ownId(meta[META_SUBSCRIPTION_ID]) : null;
}

/** An answer that only parsing could make sense of (a member twice, both result and error), in plain words. */
function rewritten(message: RpcMessage, id: number): AnswerText {
  const error = message.error === undefined ? undefined : rpcErrorOf(message.error);
  const plain =
    error === undefined ? { jsonrpc: '2.0', id, result: message.result ?? null } : { jsonrpc: '2.0', id, error };
  const answer = AnswerText.read(JSON.stringify(plain));
  if (answer === null) throw new Error('an answer could not be written anew');
  return answer;
}
