import type { RemoteDelivery } from './remote-delivery';
import { endOfFailure, endOfForeignAnswer, endOfStatus, type RefusedAnswer } from './remote-errors';
import { TransportError, type TransportEnd } from './transport.types';

export type RemoteFetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

export interface RemoteFetchOptions {
  fetch: typeof fetch;
  headers: Readonly<Record<string, string>>;
  /** Streamable HTTP answers a request in its own response; the older transport answers on the one stream. */
  answersInResponse: boolean;
  maxMessageBytes: number;
  /** The message that the request at hand carries. */
  delivery: () => RemoteDelivery | undefined;
  hasSession: () => boolean;
  /** The GET (the stream for what the server sends on its own) was accepted. */
  onStreamOpened: () => void;
  /** The GET failed. */
  onStreamFailed: (end: TransportEnd) => void;
  /** A message over the cap was met; without a delivery it stood on the GET stream. */
  onOversized: (delivery: RemoteDelivery | undefined, sizeBytes: number) => void;
  /** The stream that should have held the answer is over. */
  onAnswerStreamEnd: (delivery: RemoteDelivery) => void;
}

const MAX_REDIRECTS = 3;
const ERROR_BODY_BYTES = 64 * 1024;
const LINE_FEED = 0x0a;

/**
 * The `fetch` under the SDK's transports: adds our headers, keeps them within the origin, bounds what is read and turns
 * every refusal into a TransportError, since the SDK hands on no status that could be relied on.
 */
export function createRemoteFetch(
  options: RemoteFetchOptions,
): (url: string | URL, init?: RequestInit) => Promise<Response> {
  return async (url, init = {}) => {
    const method = (init.method ?? 'GET').toUpperCase();
    const delivery = method === 'POST' ? options.delivery() : undefined;
    const headers = new Headers(options.headers);
    new Headers(init.headers).forEach((value, name) => headers.set(name, value));
    for (const [name, value] of Object.entries(delivery?.modernHeaders() ?? {})) headers.set(name, value);
    const request = { ...init, method, headers, signal: delivery?.controller.signal ?? init.signal };
    try {
      const response = await fetchWithinOrigin(options.fetch, new URL(url), request);
      if (delivery) return await checkAnswer(response, delivery, options);
      if (method === 'GET') return checkStream(response, options);
      return response;
    } catch (error) {
      if (method === 'GET' && !init.signal?.aborted) options.onStreamFailed(endOfFailure(error));
      throw error;
    }
  };
}

/** Redirects could carry our credentials elsewhere, so they are followed by hand, and only at home. */
async function fetchWithinOrigin(
  doFetch: typeof fetch,
  url: URL,
  init: RequestInit & { method: string },
): Promise<Response> {
  let target = url;
  for (let hops = 0; ; hops += 1) {
    const response = await doFetch(target, { ...init, redirect: 'manual' });
    const location = response.status >= 300 && response.status < 400 ? response.headers.get('location') : null;
    if (location === null) return response;
    await response.body?.cancel();
    const next = URL.canParse(location, target) ? new URL(location, target) : null;
    if (next?.origin !== url.origin)
      throw redirectError(response.status, `to another origin (${next?.origin ?? 'unreadable'})`);
    // 301 to 303 may turn a POST into a GET: the message would be lost.
    const keepsMethod = init.method === 'GET' || response.status === 307 || response.status === 308;
    if (!keepsMethod) throw redirectError(response.status, 'that would lose the message');
    if (hops === MAX_REDIRECTS) throw redirectError(response.status, `for the ${MAX_REDIRECTS + 1}th time`);
    target = next;
  }
}

function redirectError(status: number, where: string): TransportError {
  return new TransportError('remote_redirect', `The server redirects ${where} (HTTP ${status})`, { status });
}

async function checkAnswer(
  response: Response,
  delivery: RemoteDelivery,
  options: RemoteFetchOptions,
): Promise<Response> {
  delivery.responded = true;
  const hadSession =
    options.hasSession() && delivery.modernVersion === null && delivery.message.method !== 'initialize';
  if (!response.ok) {
    const answer = await refusedAnswer(response, hadSession);
    const end = endOfStatus(answer);
    const mayExplain = end.code === 'remote_http_error' || end.code === 'remote_not_found';
    if (mayExplain) delivery.takeErrorBody(answer.bodyHead);
    throw failureOf(end);
  }
  if (!options.answersInResponse || !delivery.isRequest) return response;
  const type = response.headers.get('content-type') ?? '';
  const isStream = type.startsWith('text/event-stream');
  if (response.status === 202 || response.body === null || !(isStream || type.startsWith('application/json'))) {
    throw failureOf(endOfForeignAnswer(await refusedAnswer(response, hadSession)));
  }
  const watch = watchStream({
    isStream,
    maxBytes: options.maxMessageBytes,
    onOversized: (sizeBytes) => options.onOversized(delivery, sizeBytes),
    onEnd: () => options.onAnswerStreamEnd(delivery),
  });
  return withBody(response, response.body.pipeThrough(watch));
}

function checkStream(response: Response, options: RemoteFetchOptions): Response {
  const contentType = response.headers.get('content-type');
  const facts = { status: response.status, contentType, bodyHead: '', hadSession: options.hasSession() };
  if (!response.ok) {
    options.onStreamFailed(endOfStatus(facts));
    return response;
  }
  if (!contentType?.startsWith('text/event-stream') || response.body === null) {
    options.onStreamFailed(endOfForeignAnswer(facts));
    return response;
  }
  options.onStreamOpened();
  const watch = watchStream({
    isStream: true,
    maxBytes: options.maxMessageBytes,
    onOversized: (sizeBytes) => options.onOversized(undefined, sizeBytes),
    onEnd: () => undefined,
  });
  return withBody(response, response.body.pipeThrough(watch));
}

function withBody(response: Response, body: ReadableStream<Uint8Array>): Response {
  const { status, statusText, headers } = response;
  return new Response(body, { status, statusText, headers });
}

interface StreamWatch {
  /** Server-sent events: a message is a line. Otherwise the whole body is one. */
  isStream: boolean;
  maxBytes: number;
  onOversized: (sizeBytes: number) => void;
  onEnd: () => void;
}

/** Lets bytes pass, and breaks the stream at a message that is too big to be held. */
function watchStream(watch: StreamWatch): TransformStream<Uint8Array, Uint8Array> {
  let messageBytes = 0;
  return new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      const feed = watch.isStream ? chunk.lastIndexOf(LINE_FEED) : -1;
      messageBytes = feed === -1 ? messageBytes + chunk.length : chunk.length - feed - 1;
      if (messageBytes > watch.maxBytes) {
        watch.onOversized(messageBytes);
        controller.error(
          new TransportError('message_too_big', `A message of the server is over ${watch.maxBytes} bytes`),
        );
        return;
      }
      controller.enqueue(chunk);
    },
    flush: watch.onEnd,
  });
}

async function refusedAnswer(response: Response, hadSession: boolean): Promise<RefusedAnswer> {
  const contentType = response.headers.get('content-type');
  return { status: response.status, contentType, bodyHead: await headOf(response), hadSession };
}

/** The first part of a body; what follows is not even read. */
async function headOf(response: Response): Promise<string> {
  if (!response.body) return '';
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of response.body) {
      parts.push(chunk);
      length += chunk.length;
      if (length >= ERROR_BODY_BYTES) break;
    }
  } catch {
    // The status has said enough.
  }
  return Buffer.concat(parts).toString('utf8', 0, Math.min(length, ERROR_BODY_BYTES));
}

function failureOf(end: TransportEnd): TransportError {
  return new TransportError(end.code, end.message, { status: end.status });
}
