import { modernEnvelope, progressTokenOf, targetOf, withMeta, type ClientInfo } from './call-params';
import type { ClientMessage } from './client-message';
import { IncomingMessages } from './incoming-messages';
import type { RpcMessage, RpcParams } from './json-rpc.types';
import { OpenCalls } from './open-calls';
import {
  CallCancelledError,
  CallNotDeliveredError,
  CallNotSerializableError,
  CallTimeoutError,
  PeerClosedError,
  PeerDrainingError,
} from './peer.errors';
import { attributionOf, PeerRecorder } from './peer-recorder';
import type {
  CallHandle,
  CallSink,
  NotificationListener,
  PeerCall,
  PeerCounters,
  PeerTool,
  ProtocolEra,
  RelayCall,
  RelaySink,
  ServerRequestHandler,
} from './peer.types';
import { PendingCall } from './pending-call';
import { promisedCall, type PeerRequest } from './promised-call';
import { wireId } from './rpc-reading';
import type { TrafficSink } from './traffic';
import { TransportError, type McpTransport, type TransportEnd, type TransportListener } from './transport.types';

export interface McpPeerOptions {
  transport: McpTransport;
  sink: TrafficSink;
  tool: PeerTool;
  clientInfo: ClientInfo;
  /** Epoch milliseconds. */
  now?: () => number;
  /** Milliseconds that never jump. */
  monotonic?: () => number;
  /** Told of each line that is no MCP message; `sample` is at most 200 characters of it. */
  onNoise?: (sample: string) => void;
}

/** Who asks, for the record. */
interface Asker {
  client: string | null;
  sessionId: string | null;
}

/** Handed to transports that never look at it. */
const NOTHING: RpcMessage = {};
/** Cancelling these is forbidden (`initialize`, all legacy revisions) or unknown to a server that may be legacy. */
const NEVER_CANCELLED: ReadonlySet<string> = new Set(['initialize', 'server/discover']);

/**
 * One MCP server as seen from us: ids, pending calls, timeouts, progress, cancellation and the record of all that passes,
 * over any transport. It is no MCP client object: messages are neither validated nor rebuilt, so unknown methods and
 * members survive. Every call ends exactly once; an answer to anything else is dropped and counted (F18, F19).
 */
export class McpPeer {
  readonly clientInfo: ClientInfo;
  /** The first thing it said that is no MCP message: what a wrong command says, mostly. */
  firstNoise: string | null = null;
  /** Who the handshake found. */
  identity: { serverInfo: object | null } | null = null;

  private readonly transport: McpTransport;
  private readonly tool: PeerTool;
  private readonly recorder: PeerRecorder;
  private readonly monotonic: () => number;
  private readonly counts: PeerCounters = { noise: 0, oversized: 0, late: 0, unknown: 0, listenerFailures: 0 };
  private readonly calls: OpenCalls;
  private readonly incoming: IncomingMessages;
  private readonly closeListeners = new Set<(end: TransportEnd) => void>();
  private readonly listener: TransportListener = {
    onMessage: (message, text, sizeBytes) => this.incoming.take(message, text, sizeBytes),
    onAnswerText: (answer, sizeBytes) => this.incoming.takeAnswerText(answer, sizeBytes),
    onNoise: (sample) => this.onNoise(sample),
    onOversized: (head, sizeBytes, tail) => this.incoming.takeOversized(head, sizeBytes, tail),
    onSendFailed: (message, end) => this.incoming.takeSendFailure(message, end),
    onClose: (end) => this.onEnd(end),
  };
  private readonly tellNoise: ((sample: string) => void) | undefined;
  private envelope: RpcParams | null = null;
  private end: TransportEnd | null = null;

  constructor(options: McpPeerOptions) {
    this.transport = options.transport;
    this.tool = options.tool;
    this.clientInfo = options.clientInfo;
    this.tellNoise = options.onNoise;
    const now = options.now ?? Date.now;
    this.monotonic = options.monotonic ?? (() => performance.now());
    this.recorder = new PeerRecorder(options.sink, options.tool, now);
    const { tool, recorder, counts, monotonic } = this;
    const calls = new OpenCalls(tool, recorder, counts, monotonic, (call) => this.onTimeout(call));
    this.calls = calls;
    const trySend = (message: RpcMessage, text: string): boolean => this.trySend(message, text);
    this.incoming = new IncomingMessages({ tool, calls, recorder, counts, now, monotonic, trySend });
  }

  get closed(): boolean {
    return this.end !== null;
  }

  /** Calls without an answer yet. */
  get inFlight(): number {
    return this.calls.size;
  }

  /** Whether it may be silent because it works: calls are in flight, and nothing says that they fall on deaf ears. */
  get isBusy(): boolean {
    return this.calls.isBusy;
  }

  /** Epoch milliseconds of the last message from the server. */
  get lastSeenAt(): number | null {
    return this.incoming.lastSeenAt;
  }

  /** How many messages came from the server. */
  get heard(): number {
    return this.incoming.heard;
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

  /** From here on calls are refused; resolves when those of clients that are in flight have ended, at the latest with the connection. */
  drain(): Promise<void> {
    return this.calls.drain();
  }

  /** What the handshake agreed on. From here the requests of a modern revision carry their envelope. */
  setEra(agreed: { era: ProtocolEra; protocolVersion: string; serverInfo?: object | null }): void {
    this.identity = { serverInfo: agreed.serverInfo ?? null };
    this.incoming.era = agreed.era;
    this.envelope = agreed.era === 'modern' ? modernEnvelope(agreed.protocolVersion, this.clientInfo) : null;
    this.transport.setProtocolVersion(agreed.protocolVersion);
  }

  /** Hears every notification of the server but progress, which goes to its call. Returns the way to stop. */
  onNotification(listener: NotificationListener): () => void {
    return this.incoming.onNotification(listener);
  }

  /** Hears the end of the connection, once. Returns the way to stop. */
  onClose(listener: (end: TransportEnd) => void): () => void {
    this.closeListeners.add(listener);
    return () => void this.closeListeners.delete(listener);
  }

  /** Sends one request and calls `sink` when it has ended, which never happens before this returns. Does not throw. */
  send(call: PeerCall, sink: CallSink): CallHandle {
    const id = this.calls.nextId();
    const callerToken = progressTokenOf(call.params);
    const pending = new PendingCall(
      id,
      call,
      targetOf(call.method, call.params),
      callerToken,
      this.monotonic(),
      sink,
      this.onCancel,
      this.calls.deadlines,
    );
    this.calls.add(pending);
    // Two clients may use the same token, so on the wire it is always ours: the id, unique among the active ones.
    const token = sink.onProgress !== undefined || callerToken !== undefined ? { progressToken: id } : null;
    const params = token || this.envelope ? withMeta(call.params, this.envelope, token) : call.params;
    const message: RpcMessage = { jsonrpc: '2.0', id, method: call.method, params };
    const text = stringify(message);
    if (typeof text !== 'string') {
      this.calls.failSoon(pending, new CallNotSerializableError(this.tool.name, call.method, text.cause));
      return pending;
    }
    this.recorder.message('to-server', 'request', pending, id, text, Buffer.byteLength(text));
    if (this.end) {
      this.calls.failSoon(pending, new PeerClosedError(this.tool.name, call.method, this.end));
      return pending;
    }
    if (this.calls.isDraining) {
      this.calls.failSoon(pending, new PeerDrainingError(this.tool.name, call.method));
      return pending;
    }
    this.calls.deadlines.set(pending, call.timeoutMs);
    try {
      this.transport.send(message, text);
    } catch (error) {
      this.calls.failSoon(pending, new CallNotDeliveredError(this.tool.name, call.method, endOf(error)));
    }
    return pending;
  }

  /** Passes a client's request on as it stands, under an id of ours. Ends as `send` does; does not throw. */
  relay(call: RelayCall, sink: RelaySink): CallHandle {
    const { source } = call;
    const { method } = source;
    const id = this.calls.nextId();
    const facts = { method, client: call.client, sessionId: call.sessionId, timeoutMs: call.timeoutMs };
    const target = targetOf(method, source.params);
    const pending = new PendingCall(
      id,
      facts,
      target,
      undefined,
      this.monotonic(),
      sink,
      this.onCancel,
      this.calls.deadlines,
    );
    pending.source = source;
    this.calls.add(pending);
    const text = source.toWire(id, call.edit);
    this.recorder.message('to-server', 'request', pending, id, text, Buffer.byteLength(text));
    if (this.end) {
      this.calls.failSoon(pending, new PeerClosedError(this.tool.name, method, this.end));
      return pending;
    }
    if (this.calls.isDraining) {
      this.calls.failSoon(pending, new PeerDrainingError(this.tool.name, method));
      return pending;
    }
    if (call.timeoutMs !== Infinity) this.calls.deadlines.set(pending, call.timeoutMs);
    try {
      this.sendText(text);
    } catch (error) {
      this.calls.failSoon(pending, new CallNotDeliveredError(this.tool.name, method, endOf(error)));
    }
    return pending;
  }

  /** Passes a client's notification on as it stands; throws a TransportError if the connection does not take it. */
  relayNotification(source: ClientMessage, asker: Asker): void {
    this.sendText(source.text);
    this.recordNotification(source.message, source.text, asker);
  }

  /** From here on what the server asks of its client goes there. */
  onServerRequest(handler: ServerRequestHandler): void {
    this.incoming.onRequest = handler;
  }

  /** All calls in flight may take so much longer, counted from now; null: as long as they were given at first. */
  extendAll(timeoutMs: number | null): void {
    this.calls.extendAll(timeoutMs);
  }

  /** Answers a request of the server with `text`, a whole message under the server's own id. */
  respond(request: RpcMessage, text: string, asker: Asker & { startedAt: number; isError: boolean }): void {
    this.sendText(text);
    const ended = {
      outcome: asker.isError ? ('rpc_error' as const) : ('ok' as const),
      durationMs: this.monotonic() - asker.startedAt,
    };
    const kind = asker.isError ? 'error' : 'response';
    const of = attributionOf(request, asker);
    this.recorder.answer('to-server', kind, of, wireId(request.id), ended, text, Buffer.byteLength(text));
  }

  /** `send` as a promise of the result; rejects with a PeerCallError. */
  request(call: PeerRequest): Promise<unknown> {
    return promisedCall(call, this.tool, (each, sink) => this.send(each, sink));
  }

  /** Sends one notification; throws a TransportError if the connection does not take it. */
  notify(method: string, params?: RpcParams, asker?: Asker): void {
    const message: RpcMessage = { jsonrpc: '2.0', method, params };
    const text = JSON.stringify(message);
    this.transport.send(message, text);
    this.recordNotification(message, text, asker);
  }

  private onNoise(sample: string): void {
    this.firstNoise ??= sample;
    this.counts.noise += 1;
    try {
      this.tellNoise?.(sample);
    } catch {
      this.counts.listenerFailures += 1;
    }
  }

  private readonly onTimeout = (call: PendingCall): void => {
    if (!this.calls.has(call)) return;
    this.calls.abandon(call);
    this.calls.noteTimeout(call);
    // First the caller, then the server: a pipe that is stuck must not keep the caller waiting.
    this.calls.fail(call, new CallTimeoutError(this.tool.name, call.method, call.timeoutMs), 'timeout');
    this.sendCancelled(call, `No answer within ${call.timeoutMs} ms`);
  };

  private readonly onCancel = (call: PendingCall, reason: string | undefined): void => {
    if (!this.calls.has(call)) return;
    this.calls.abandon(call);
    this.calls.fail(call, new CallCancelledError(this.tool.name, call.method, reason), 'cancelled');
    this.sendCancelled(call, reason);
  };

  private onEnd(end: TransportEnd): void {
    if (this.end) return;
    this.end = end;
    this.calls.failAll(end);
    for (const listener of this.closeListeners) {
      try {
        listener(end);
      } catch {
        this.counts.listenerFailures += 1;
      }
    }
    this.closeListeners.clear();
    this.incoming.end();
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
    this.recordNotification(message, text, call);
  }

  private recordNotification(message: RpcMessage, text: string, asker: Asker | undefined): void {
    this.recorder.message(
      'to-server',
      'notification',
      attributionOf(message, asker),
      null,
      text,
      Buffer.byteLength(text),
    );
  }

  private sendText(text: string): void {
    this.transport.send(this.transport.carriesText ? NOTHING : (JSON.parse(text) as RpcMessage), text);
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
