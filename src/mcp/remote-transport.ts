import { AsyncLocalStorage } from 'node:async_hooks';

import { DEFAULT_ADDRESS_POLICY } from './address-policy';
import { createGuardedFetch } from './guarded-fetch';
import { isNestedDeeperThan } from './json-depth';
import { kindOf, type RpcId, type RpcMessage } from './json-rpc.types';
import { MirroredTools } from './mirrored-tools';
import { RemoteDelivery } from './remote-delivery';
import { endOfFailure, endOfSilence } from './remote-errors';
import { createRemoteFetch, type RemoteFetch } from './remote-fetch';
import { MODERN_VERSIONS } from './revisions';
import { TransportError, type McpTransport, type TransportEnd, type TransportListener } from './transport.types';

export interface RemoteTransportOptions {
  transport: 'streamable-http' | 'sse';
  url: string;
  /** Sent with every request to this origin, and to no other. */
  headers?: Readonly<Record<string, string>>;
  fetch?: typeof fetch;
  /** Longest message, in bytes; default 16 MiB. */
  maxMessageBytes?: number;
}

/** What we use of the SDK's client transports; as methods, so that its narrower message type fits. */
interface SdkTransport {
  start(): Promise<void>;
  send(message: object, options?: { onresumptiontoken?: (token: string) => void }): Promise<void>;
  close(): Promise<void>;
  setProtocolVersion(version: string): void;
  terminateSession?(): Promise<void>;
  readonly sessionId?: string;
  onmessage?(message: RpcMessage): void;
  onerror?(error: Error): void;
}

/** The SDK marks this class as deprecated, as the transport is; servers that speak nothing else live on. */
interface SseModule {
  SSEClientTransport: new (url: URL, options: { fetch: RemoteFetch }) => SdkTransport;
  SseError: abstract new (...parameters: never[]) => Error;
}

const DEFAULT_MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
const MAX_DEPTH = 1000;
const TERMINATE_MS = 2000;
const GATE_MS = 5000;
/** The last event of a stream passes through the SDK's parser after the stream itself has ended. */
const LAST_EVENT_MS = 50;
const SAMPLE_CHARACTERS = 200;
/** The GET stream is worth patience: a lost one is not noticed by any call. */
const RECONNECTION = {
  initialReconnectionDelay: 1000,
  maxReconnectionDelay: 30_000,
  reconnectionDelayGrowFactor: 1.5,
  maxRetries: 1000,
};

/**
 * MCP over HTTP, on the SDK's client transports: Streamable HTTP (2025-03-26 to 2026-07-28) and HTTP+SSE (2024-11-05).
 *
 * Opening Streamable HTTP sends nothing: the first message shows whether anybody is there. Every failure is classified
 * (remote-errors.ts). The SDK hands over parsed objects, so the text of a message is written anew.
 */
export class RemoteTransport implements McpTransport {
  private readonly options: RemoteTransportOptions;
  /** Which message the request that the SDK makes at this moment carries. */
  private readonly context = new AsyncLocalStorage<RemoteDelivery>();
  private readonly inFlight = new Map<RpcId, RemoteDelivery>();
  private readonly mirrored = new MirroredTools();
  private sdk: SdkTransport | null = null;
  private listener: TransportListener | null = null;
  private modernVersion: string | null = null;
  private streamFailure: TransportEnd | null = null;
  private hadStream = false;
  private isOpen = false;
  /** Set while `notifications/initialized` is on its way: nothing may overtake it. */
  private gate: Promise<void> | null = null;
  private over: TransportEnd | null = null;
  /** The last request that was given up without an answer. */
  private givenUp: RemoteDelivery[] = [];
  private closing: Promise<void> | null = null;

  constructor(options: RemoteTransportOptions) {
    this.options = options;
  }

  /** How the server is silent towards requests that wait or were given up, or while the connection is being opened. */
  get silence(): TransportEnd | null {
    if (!this.isOpen && this.hadStream) return endOfSilence([{ responded: true }]);
    return endOfSilence([...this.givenUp, ...this.inFlight.values()]);
  }

  async open(listener: TransportListener, signal: AbortSignal): Promise<void> {
    if (this.listener) throw new TransportError('already_open', 'The transport was opened before');
    this.listener = listener;
    const sdk = await this.createSdkTransport();
    this.sdk = sdk;
    sdk.onmessage = (message) => this.onMessage(message);
    const aborted = abortOf(signal);
    try {
      await Promise.race([sdk.start(), aborted.promise]);
    } catch (error) {
      await sdk.close().catch(ignore);
      if (error instanceof TransportError) throw error;
      const end = this.streamFailure ?? endOfFailure(error);
      throw new TransportError(end.code, end.message, { cause: error, status: end.status });
    } finally {
      aborted.stop();
    }
    this.isOpen = true;
  }

  send(message: RpcMessage): void {
    const { sdk } = this;
    if (!sdk || this.over || this.closing)
      throw new TransportError('transport_closed', 'The connection to the server is closed');
    if (message.method === 'notifications/cancelled' && this.cancelByDisconnect(message)) return;
    const parameterHeaders = message.method === 'tools/call' ? this.mirrored.headersOf(message.params) : {};
    const delivery = new RemoteDelivery(message, this.modernVersion, parameterHeaders);
    if (delivery.isRequest && message.id !== undefined && message.id !== null) this.inFlight.set(message.id, delivery);
    if (this.gate) {
      void this.gate.then(() => this.post(sdk, delivery));
      return;
    }
    const posted = this.post(sdk, delivery);
    if (message.method === 'notifications/initialized') this.closeGate(posted);
  }

  setProtocolVersion(version: string): void {
    this.modernVersion = MODERN_VERSIONS.includes(version) ? version : null;
    this.sdk?.setProtocolVersion(version);
  }

  close(): Promise<void> {
    this.closing ??= this.terminate();
    return this.closing;
  }

  private async createSdkTransport(): Promise<SdkTransport> {
    const { transport, headers = {}, maxMessageBytes = DEFAULT_MAX_MESSAGE_BYTES } = this.options;
    const url = new URL(this.options.url);
    const isStreamable = transport === 'streamable-http';
    const remoteFetch = createRemoteFetch({
      fetch: this.options.fetch ?? createGuardedFetch(DEFAULT_ADDRESS_POLICY),
      headers,
      answersInResponse: isStreamable,
      maxMessageBytes,
      delivery: () => this.context.getStore(),
      hasSession: () => this.sdk?.sessionId !== undefined,
      onStreamOpened: () => {
        this.hadStream = true;
      },
      onStreamFailed: (end) => this.onStreamFailed(end),
      onOversized: (delivery, sizeBytes) => this.onOversized(delivery, sizeBytes),
      onAnswerStreamEnd: (delivery) => this.onAnswerStreamEnd(delivery),
    });
    // Loaded here and not at the top: most installations have local tools only, and the SDK costs 20 MB.
    if (isStreamable) {
      const { StreamableHTTPClientTransport } = await import('@modelcontextprotocol/sdk/client/streamableHttp.js');
      const sdk: SdkTransport = new StreamableHTTPClientTransport(url, {
        fetch: remoteFetch,
        reconnectionOptions: RECONNECTION,
      });
      sdk.onerror = (error) => this.onSdkError(error);
      return sdk;
    }
    const { SSEClientTransport, SseError }: SseModule = await import('@modelcontextprotocol/sdk/client/sse.js');
    const sdk: SdkTransport = new SSEClientTransport(url, { fetch: remoteFetch });
    sdk.onerror = (error) => {
      // The event source would connect again, but to a new session that was never initialized: the owner has to do it.
      if (error instanceof SseError && this.isOpen) this.finish(this.streamFailure ?? STREAM_LOST);
      else this.onSdkError(error);
    };
    return sdk;
  }

  private async post(sdk: SdkTransport, delivery: RemoteDelivery): Promise<void> {
    if (this.over || delivery.settled) return;
    const onresumptiontoken = (): void => {
      delivery.resumable = true;
    };
    try {
      await this.context.run(delivery, () => sdk.send(delivery.message, { onresumptiontoken }));
    } catch (error) {
      this.onPostFailed(delivery, error);
    }
  }

  private onPostFailed(delivery: RemoteDelivery, error: unknown): void {
    if (delivery.errorAnswer && !delivery.settled) {
      this.onMessage(delivery.errorAnswer);
      return;
    }
    this.failDelivery(delivery, endOfFailure(error));
  }

  private failDelivery(delivery: RemoteDelivery, end: TransportEnd): void {
    if (delivery.settled || this.over) return;
    this.settle(delivery);
    this.listener?.onSendFailed(delivery.message, end);
    if (end.code === 'remote_session_lost') this.finish(end);
  }

  private settle(delivery: RemoteDelivery): void {
    delivery.settled = true;
    const { id } = delivery.message;
    if (id !== undefined && id !== null) this.inFlight.delete(id);
  }

  private onMessage(message: RpcMessage): void {
    if (this.over) return;
    if (message.method === undefined && message.id !== undefined && message.id !== null) {
      const delivery = this.inFlight.get(message.id);
      if (delivery) this.onAnswered(delivery, message);
    }
    const text = textOf(message);
    if (text === null || kindOf(message) === null) {
      this.listener?.onNoise((text ?? 'A message that cannot be written as JSON').slice(0, SAMPLE_CHARACTERS));
      return;
    }
    this.listener?.onMessage(message, text, Buffer.byteLength(text));
  }

  /** Over HTTP a client has to leave out tools whose `x-mcp-header` is wrong (2026-07-28 server/tools). */
  private onAnswered(delivery: RemoteDelivery, message: RpcMessage): void {
    this.settle(delivery);
    if (delivery.message.method !== 'tools/list' || delivery.modernVersion === null) return;
    message.result = this.mirrored.learn(message.result, (tool) => {
      this.listener?.onNoise(
        `The tool "${tool}" is left out: its x-mcp-header breaks the rules`.slice(0, SAMPLE_CHARACTERS),
      );
    });
  }

  /** Of the SDK's errors only those about content are news here: failed requests are reported by their own promise. */
  private onSdkError(error: Error): void {
    if (this.over || endOfFailure(error).code !== 'remote_not_mcp' || error instanceof TransportError) return;
    this.listener?.onNoise(error.message.slice(0, SAMPLE_CHARACTERS));
  }

  private onStreamFailed(end: TransportEnd): void {
    this.streamFailure = end;
    // Without a stream before, 404 only says that this server has none to offer.
    if (end.code === 'remote_session_lost' && this.hadStream) this.finish(end);
  }

  private onOversized(delivery: RemoteDelivery | undefined, sizeBytes: number): void {
    if (this.over) return;
    if (delivery) this.settle(delivery);
    // The stream belongs to one request, so the id is known although it was not read.
    this.listener?.onOversized(JSON.stringify({ id: delivery?.message.id ?? null }), sizeBytes);
  }

  private onAnswerStreamEnd(delivery: RemoteDelivery): void {
    if (delivery.settled) return;
    const timer = setTimeout(() => {
      if (!delivery.resumable) this.failDelivery(delivery, STREAM_WITHOUT_ANSWER);
    }, LAST_EVENT_MS);
    timer.unref();
  }

  /** Modern revisions have no cancel message over HTTP: to hang up is the cancel. Returns whether that was all there is to do. */
  private cancelByDisconnect(message: RpcMessage): boolean {
    const id = message.params?.requestId;
    const delivery = typeof id === 'number' || typeof id === 'string' ? this.inFlight.get(id) : undefined;
    if (!delivery) return this.modernVersion !== null;
    this.settle(delivery);
    this.givenUp = [delivery];
    const isModern = delivery.modernVersion !== null;
    // To a legacy server hanging up says nothing, but a request without any answer yet would hold its socket.
    if (isModern || !delivery.responded) delivery.controller.abort();
    return isModern;
  }

  private closeGate(posted: Promise<void>): void {
    const limit = delay(GATE_MS);
    const gate = Promise.race([posted, limit.promise]).then(() => {
      limit.stop();
      if (this.gate === gate) this.gate = null;
    });
    this.gate = gate;
  }

  private async terminate(): Promise<void> {
    const { sdk } = this;
    for (const delivery of this.inFlight.values()) delivery.controller.abort();
    if (sdk?.terminateSession && !this.over) {
      const limit = delay(TERMINATE_MS);
      await Promise.race([sdk.terminateSession().catch(ignore), limit.promise]);
      limit.stop();
    }
    this.finish({ code: 'closed', message: 'The connection was closed by MCPS.ONE' });
    await sdk?.close().catch(ignore);
  }

  private finish(end: TransportEnd): void {
    if (this.over) return;
    this.over = end;
    for (const delivery of this.inFlight.values()) delivery.controller.abort();
    this.inFlight.clear();
    void this.sdk?.close().catch(ignore);
    this.listener?.onClose(end);
  }
}

const STREAM_LOST: TransportEnd = {
  code: 'remote_connection_lost',
  message: 'The event stream of the server broke off',
};
const STREAM_WITHOUT_ANSWER: TransportEnd = {
  code: 'remote_connection_lost',
  message: 'The server ended its stream without an answer',
};

/** The message as text, or null if it nests too deep to be handled safely. */
function textOf(message: RpcMessage): string | null {
  try {
    const text = JSON.stringify(message);
    return isNestedDeeperThan(text, MAX_DEPTH) ? null : text;
  } catch {
    return null;
  }
}

function abortOf(signal: AbortSignal): { promise: Promise<never>; stop: () => void } {
  let onAbort = ignore;
  const promise = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(new TransportError('open_aborted', 'Opening the connection was aborted'));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
  });
  return { promise, stop: () => signal.removeEventListener('abort', onAbort) };
}

function delay(ms: number): { promise: Promise<void>; stop: () => void } {
  let timer: NodeJS.Timeout | undefined;
  const promise = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  return { promise, stop: () => clearTimeout(timer) };
}

function ignore(): void {
  // Whatever a closing connection complains of, there is nothing left to do about it.
}
