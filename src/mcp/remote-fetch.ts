import type { RemoteDelivery } from './remote-delivery';
import { endOfFailure, endOfForeignAnswer, endOfStatus, type RefusedAnswer } from './remote-errors';
import { watchBody } from './remote-body';
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
/** The body of a refusal only decorates what the status has said: it is not waited for longer. */
const ERROR_BODY_MS = 1_000;
/** A JSON answer that has begun comes in one piece: so long it may pause, and so long it may take in all. */
const JSON_IDLE_MS = 30_000;
const JSON_TOTAL_MS = 300_000;

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
  const body = watchBody(response.body, {
    isStream,
    maxBytes: options.maxMessageBytes,
    // A stream may rest as long as its call may: there the time limit of the call rules.
    limits: isStream ? null : { idleMs: JSON_IDLE_MS, totalMs: JSON_TOTAL_MS },
    onOversized: (sizeBytes) => options.onOversized(delivery, sizeBytes),
    onEnd: () => options.onAnswerStreamEnd(delivery),
  });
  return withBody(response, body);
}

function checkStream(response: Response, options: RemoteFetchOptions): Response {
  const contentType = response.headers.get('content-type');
  const retryAfter = response.headers.get('retry-after');
  const facts = { status: response.status, contentType, bodyHead: '', hadSession: options.hasSession(), retryAfter };
  if (!response.ok) {
    options.onStreamFailed(endOfStatus(facts));
    return response;
  }
  if (!contentType?.startsWith('text/event-stream') || response.body === null) {
    options.onStreamFailed(endOfForeignAnswer(facts));
    return response;
  }
  options.onStreamOpened();
  const body = watchBody(response.body, {
    isStream: true,
    maxBytes: options.maxMessageBytes,
    limits: null,
    onOversized: (sizeBytes) => options.onOversized(undefined, sizeBytes),
    onEnd: () => undefined,
  });
  return withBody(response, body);
}

function withBody(response: Response, body: ReadableStream<Uint8Array>): Response {
  const { status, statusText, headers } = response;
  return new Response(body, { status, statusText, headers });
}

async function refusedAnswer(response: Response, hadSession: boolean): Promise<RefusedAnswer> {
  const contentType = response.headers.get('content-type');
  const retryAfter = response.headers.get('retry-after');
  return { status: response.status, contentType, bodyHead: await headOf(response), hadSession, retryAfter };
}

/** The first part of a body, as far as it comes soon; what follows is not even read. */
async function headOf(response: Response): Promise<string> {
  if (!response.body) return '';
  const reader = response.body.getReader();
  const parts: Uint8Array[] = [];
  let length = 0;
  const limit = setTimeout(() => void reader.cancel().catch(() => undefined), ERROR_BODY_MS);
  try {
    while (length < ERROR_BODY_BYTES) {
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(value);
      length += value.length;
    }
  } catch {
    // The status has said enough.
  }
  clearTimeout(limit);
  void reader.cancel().catch(() => undefined);
  return Buffer.concat(parts).toString('utf8', 0, Math.min(length, ERROR_BODY_BYTES));
}

function failureOf(end: TransportEnd): TransportError {
  return new TransportError(end.code, end.message, { status: end.status });
}
