import { isRecord, modernEnvelope, progressTokenOf, targetOf, withMeta, type ClientInfo } from './call-params';
import { kindOf, RPC_CODES, type RpcMessage, type RpcParams } from './json-rpc.types';
import {
  CallCancelledError,
  CallNotDeliveredError,
  CallNotSerializableError,
  CallTimeoutError,
  MessageTooBigError,
  PeerClosedError,
  RpcCallError,
  type PeerCallError,
} from './peer.errors';
import { attributionOf, PeerRecorder, UNATTRIBUTED } from './peer-recorder';
import type {
  CallHandle,
  CallSink,
  NotificationListener,
  PeerCall,
  PeerCounters,
  PeerTool,
  ProtocolEra,
} from './peer.types';
import { AbandonedCalls, PendingCall } from './pending-call';
import { outcomeOf, ownId, rpcErrorOf, wireId } from './rpc-reading';
import type { CallOutcome, TrafficSink } from './traffic';
import { TransportError, type McpTransport, type TransportEnd, type TransportListener } from './transport.types';
import { visibleId } from './visible-id';

export interface McpPeerOptions {
  transport: McpTransport;
  sink: TrafficSink;
  tool: PeerTool;
  clientInfo: ClientInfo;
  /** Epoch milliseconds. */
  now?: () => number;
  /** Milliseconds that never jump. */
  monotonic?: () => number;
}

export interface PeerRequest extends PeerCall {
  signal?: AbortSignal;
  onProgress?: (params: RpcParams) => void;
}

const ABANDONED_KEPT = 256;
const MAX_TIMER_MS = 2_147_483_647;
/** Cancelling these is forbidden (`initialize`, all legacy revisions) or unknown to a server that may be legacy. */
const NEVER_CANCELLED: ReadonlySet<string> = new Set(['initialize', 'server/discover']);

/**
 * One MCP server as seen from us: ids, pending calls, timeouts, progress, cancellation and the record of all that passes,
 * over any transport. It is no MCP client object: messages are neither validated nor rebuilt, so unknown methods and
 * members survive. Every call ends exactly once; an answer to anything else is dropped and counted (F18, F19).
 */
export class McpPeer {
  readonly clientInfo: ClientInfo;
  /** Epoch milliseconds of the last message from the server. */
  lastSeenAt: number | null = null;
  /** The first thing it said that is no MCP message: what a wrong command says, mostly. */
  firstNoise: string | null = null;

  private readonly transport: McpTransport;
  private readonly tool: PeerTool;
  private readonly recorder: PeerRecorder;
  private readonly now: () => number;
  private readonly monotonic: () => number;
  private readonly pending = new Map<number, PendingCall>();
  private readonly abandoned = new AbandonedCalls(ABANDONED_KEPT);
  private readonly notificationListeners = new Set<NotificationListener>();
  private readonly closeListeners = new Set<(end: TransportEnd) => void>();
  private readonly counts: PeerCounters = { noise: 0, oversized: 0, late: 0, unknown: 0, listenerFailures: 0 };
  private readonly listener: TransportListener = {
    onMessage: (message, text, sizeBytes) => this.onMessage(message, text, sizeBytes),
    onNoise: (sample) => {
      this.firstNoise ??= sample;
      this.counts.noise += 1;
    },
    onOversized: (head, sizeBytes, tail) => this.onOversized(head, sizeBytes, tail),
    onSendFailed: (message, end) => this.onSendFailed(message, end),
    onClose: (end) => this.onEnd(end),
  };
  private era: ProtocolEra = 'legacy';
  private envelope: RpcParams | null = null;
  private lastId = 0;
  private end: TransportEnd | null = null;

  constructor(options: McpPeerOptions) {
    this.transport = options.transport;
    this.tool = options.tool;
    this.clientInfo = options.clientInfo;
    this.now = options.now ?? Date.now;
    this.monotonic = options.monotonic ?? (() => performance.now());
    this.recorder = new PeerRecorder(options.sink, options.tool, this.now);
  }

  get closed(): boolean {
    return this.end !== null;
  }

  /** Calls without an answer yet. */
  get inFlight(): number {
    return this.pending.size;
  }

  get counters(): Readonly<PeerCounters> {
    return { ...this.counts, listenerFailures: this.counts.listenerFailures + this.recorder.failures };
  }

  /** Connects; rejects with a TransportError, and the peer is closed then. */
  async open(signal: AbortSignal): Promise<void> {
    try {
      await this.transport.open(this.listener, signal);
    } catch (error) {
      this.onEnd(endOf(error));
      throw error;
    }
  }

  /** Ends the connection; calls in flight fail. Idempotent. */
  async close(): Promise<void> {
    await this.transport.close();
    // A transport that was never opened has nobody to tell.
    this.onEnd({ code: 'closed', message: 'The connection was closed by MCPS.ONE' });
  }

  /** What the handshake agreed on. From here the requests of a modern revision carry their envelope. */
  setEra(agreed: { era: ProtocolEra; protocolVersion: string }): void {
    this.era = agreed.era;
    this.envelope = agreed.era === 'modern' ? modernEnvelope(agreed.protocolVersion, this.clientInfo) : null;
    this.transport.setProtocolVersion(agreed.protocolVersion);
  }

  /** Hears every notification of the server but progress, which goes to its call. Returns the way to stop. */
  onNotification(listener: NotificationListener): () => void {
    this.notificationListeners.add(listener);
    return () => void this.notificationListeners.delete(listener);
  }

  /** Hears the end of the connection, once. Returns the way to stop. */
  onClose(listener: (end: TransportEnd) => void): () => void {
    this.closeListeners.add(listener);
    return () => void this.closeListeners.delete(listener);
  }

  /** Sends one request and calls `sink` when it has ended, which never happens before this returns. Does not throw. */
  send(call: PeerCall, sink: CallSink): CallHandle {
    const id = ++this.lastId;
    const callerToken = progressTokenOf(call.params);
    const pending = new PendingCall(
      id,
      call,
      targetOf(call.method, call.params),
      callerToken,
      this.monotonic(),
      sink,
      this.onCancel,
    );
    this.pending.set(id, pending);
    // Two clients may use the same token, so on the wire it is always ours: the id, unique among the active ones.
    const token = sink.onProgress !== undefined || callerToken !== undefined ? { progressToken: id } : null;
    const params = token || this.envelope ? withMeta(call.params, this.envelope, token) : call.params;
    const message: RpcMessage = { jsonrpc: '2.0', id, method: call.method, params };
    const text = stringify(message);
    if (typeof text !== 'string') {
      this.failSoon(pending, new CallNotSerializableError(this.tool.name, call.method, text.cause));
      return pending;
    }
    this.recorder.message('to-server', 'request', pending, id, text, Buffer.byteLength(text));
    if (this.end) {
      this.failSoon(pending, new PeerClosedError(this.tool.name, call.method, this.end));
      return pending;
    }
    pending.timer = setTimeout(() => this.onTimeout(pending), Math.min(call.timeoutMs, MAX_TIMER_MS));
    try {
      this.transport.send(message, text);
    } catch (error) {
      this.failSoon(pending, new CallNotDeliveredError(this.tool.name, call.method, endOf(error)));
    }
    return pending;
  }

  /** `send` as a promise of the result; rejects with a PeerCallError. */
  request(call: PeerRequest): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const { signal, onProgress } = call;
      if (signal?.aborted) {
        reject(new CallCancelledError(this.tool.name, call.method));
        return;
      }
      const onAbort = (): void => handle.cancel();
      signal?.addEventListener('abort', onAbort, { once: true });
      const handle = this.send(call, {
        onProgress,
        onResult: (result) => {
          signal?.removeEventListener('abort', onAbort);
          resolve(result);
        },
        onError: (error) => {
          signal?.removeEventListener('abort', onAbort);
          reject(error);
        },
      });
    });
  }

  /** Sends one notification; throws a TransportError if the connection does not take it. */
  notify(method: string, params?: RpcParams, asker?: { client: string | null; sessionId: string | null }): void {
    const message: RpcMessage = { jsonrpc: '2.0', method, params };
    const text = JSON.stringify(message);
    this.transport.send(message, text);
    this.recorder.message(
      'to-server',
      'notification',
      attributionOf(message, asker),
      null,
      text,
      Buffer.byteLength(text),
    );
  }

  private onMessage(message: RpcMessage, text: string, sizeBytes: number): void {
    this.lastSeenAt = this.now();
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

  private onAnswer(message: RpcMessage, text: string, sizeBytes: number): void {
    const id = ownId(message.id);
    const call = id === null ? undefined : this.pending.get(id);
    const kind = message.error === undefined ? 'response' : 'error';
    const outcome = message.error === undefined ? outcomeOf(message.result) : 'rpc_error';
    if (!call) {
      const asked = id !== null && id > 0 && id <= this.lastId;
      if (asked) this.counts.late += 1;
      else this.counts.unknown += 1;
      const gone = asked ? this.abandoned.take(id) : undefined;
      const ended = { outcome, durationMs: gone ? this.monotonic() - gone.startedAt : null };
      this.recorder.answer('from-server', kind, gone ?? UNATTRIBUTED, wireId(message.id), ended, text, sizeBytes);
      return;
    }
    const sink = this.take(call);
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
    const id = isProgress && isRecord(message.params) ? ownId(message.params.progressToken) : null;
    const call = id === null ? undefined : this.pending.get(id);
    this.recorder.message('from-server', 'notification', attributionOf(message, call), null, text, sizeBytes);
    try {
      if (isProgress) {
        const params = { ...message.params };
        if (call?.callerToken !== undefined) params.progressToken = call.callerToken;
        call?.sink?.onProgress?.(params);
        return;
      }
    } catch {
      this.counts.listenerFailures += 1;
      return;
    }
    for (const listener of this.notificationListeners) {
      try {
        listener(message.method ?? '', message.params, text);
      } catch {
        this.counts.listenerFailures += 1;
      }
    }
  }

  /** No client capability is declared, so nothing but `ping` is ours to answer. Modern servers send no requests at all. */
  private onServerRequest(message: RpcMessage, text: string, sizeBytes: number): void {
    const of = attributionOf(message);
    const id = wireId(message.id);
    this.recorder.message('from-server', 'request', of, id, text, sizeBytes);
    if (id === null || this.era === 'modern') {
      this.counts.unknown += 1;
      return;
    }
    const isPing = message.method === 'ping';
    const error = { code: RPC_CODES.methodNotFound, message: `${of.method ?? ''} is not supported by this client` };
    const answer: RpcMessage = isPing ? { jsonrpc: '2.0', id, result: {} } : { jsonrpc: '2.0', id, error };
    const answerText = JSON.stringify(answer);
    if (!this.trySend(answer, answerText)) return;
    const ended = { outcome: isPing ? ('ok' as const) : ('rpc_error' as const), durationMs: 0 };
    const kind = isPing ? 'response' : 'error';
    this.recorder.answer('to-server', kind, of, id, ended, answerText, Buffer.byteLength(answerText));
  }

  private onOversized(head: string, sizeBytes: number, tail?: string): void {
    this.counts.oversized += 1;
    const id = visibleId(head, tail);
    const call = id === null ? undefined : this.pending.get(id);
    if (call)
      this.fail(call, new MessageTooBigError(this.tool.name, call.method, sizeBytes), 'transport_error', sizeBytes);
  }

  private onSendFailed(message: RpcMessage, end: TransportEnd): void {
    const id = message.method === undefined ? null : ownId(message.id);
    const call = id === null ? undefined : this.pending.get(id);
    if (call) this.fail(call, new CallNotDeliveredError(this.tool.name, call.method, end), 'transport_error');
  }

  private onTimeout(call: PendingCall): void {
    if (!this.pending.has(call.id)) return;
    this.abandoned.add(call);
    // First the caller, then the server: a pipe that is stuck must not keep the caller waiting.
    this.fail(call, new CallTimeoutError(this.tool.name, call.method, call.timeoutMs), 'timeout');
    this.sendCancelled(call, `No answer within ${call.timeoutMs} ms`);
  }

  private readonly onCancel = (call: PendingCall, reason: string | undefined): void => {
    if (!this.pending.has(call.id)) return;
    this.abandoned.add(call);
    this.fail(call, new CallCancelledError(this.tool.name, call.method, reason), 'cancelled');
    this.sendCancelled(call, reason);
  };

  private onEnd(end: TransportEnd): void {
    if (this.end) return;
    this.end = end;
    for (const call of [...this.pending.values()]) {
      this.fail(call, new PeerClosedError(this.tool.name, call.method, end), 'transport_error');
    }
    for (const listener of this.closeListeners) {
      try {
        listener(end);
      } catch {
        this.counts.listenerFailures += 1;
      }
    }
    this.closeListeners.clear();
    this.notificationListeners.clear();
  }

  private sendCancelled(call: PendingCall, reason: string | undefined): void {
    if (NEVER_CANCELLED.has(call.method) || this.end) return;
    const message: RpcMessage = {
      jsonrpc: '2.0',
      method: 'notifications/cancelled',
      params: { requestId: call.id, reason },
    };
    const text = JSON.stringify(message);
    if (!this.trySend(message, text)) return;
    this.recorder.message(
      'to-server',
      'notification',
      attributionOf(message, call),
      null,
      text,
      Buffer.byteLength(text),
    );
  }

  /** Sends what nobody waits for; a connection that does not take it is noticed by the calls. */
  private trySend(message: RpcMessage, text: string): boolean {
    try {
      this.transport.send(message, text);
      return true;
    } catch {
      return false;
    }
  }

  private failSoon(call: PendingCall, error: PeerCallError): void {
    queueMicrotask(() => this.fail(call, error, 'transport_error'));
  }

  private fail(call: PendingCall, error: PeerCallError, outcome: CallOutcome, sizeBytes = 0): void {
    const sink = this.take(call);
    if (!sink) return;
    this.recorder.failure(call, call.id, { outcome, durationMs: this.monotonic() - call.startedAt }, sizeBytes);
    try {
      sink.onError(error);
    } catch {
      this.counts.listenerFailures += 1;
    }
  }

  /** Ends the waiting; null if it had ended. */
  private take(call: PendingCall): CallSink | null {
    this.pending.delete(call.id);
    clearTimeout(call.timer);
    const { sink } = call;
    call.sink = null;
    return sink;
  }
}

function stringify(message: RpcMessage): string | { cause: unknown } {
  try {
    return JSON.stringify(message);
  } catch (cause) {
    return { cause };
  }
}

function endOf(error: unknown): TransportEnd {
  if (error instanceof TransportError) return { code: error.code, message: error.message, status: error.status };
  return { code: 'transport_failed', message: error instanceof Error ? error.message : String(error) };
}
