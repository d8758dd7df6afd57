import { AsyncLocalStorage } from 'node:async_hooks';

/** Who acts: a user, an API key, MCPS.ONE itself, or nobody known. */
export interface Actor {
  type: 'user' | 'apiKey' | 'system' | 'anonymous';
  id: string | null;
  name: string;
}

/** What an operation is done to. */
export interface Target {
  type: string;
  id: string | null;
  name: string | null;
}

/** What belongs to one request wherever its code runs: for logs and the operation log, never for decisions. */
export interface RequestContext {
  requestId: string;
  ip: string;
  /** Monotonic milliseconds: before whatever was found out about it. */
  startedAt: number;
  actor: Actor;
  target: Target | null;
  /** What the operation log shows beside the target. */
  details: Record<string, unknown> | null;
  /** Hides the secrets of the tool at hand in what the operation log says. */
  mask: ((text: string) => string) | null;
  /** Set once the operation log has the row of this request. */
  operationRecorded: boolean;
  /** Set where the row of a refusal was committed together with what the refusal has changed. */
  refusalRecorded: boolean;
}

export const ANONYMOUS: Actor = { type: 'anonymous', id: null, name: 'anonymous' };
export const SYSTEM_ACTOR: Actor = { type: 'system', id: null, name: 'mcps' };

const storage = new AsyncLocalStorage<RequestContext>();

/** Runs `work` (and all it awaits) inside a request. */
export function runInRequest<T>(request: { requestId: string; ip: string }, work: () => T): T {
  return storage.run(
    {
      ...request,
      startedAt: performance.now(),
      actor: ANONYMOUS,
      target: null,
      details: null,
      mask: null,
      operationRecorded: false,
      refusalRecorded: false,
    },
    work,
  );
}

/** The request that the current code belongs to; undefined in jobs and timers. */
export function currentRequest(): RequestContext | undefined {
  return storage.getStore();
}

/** Adds what the row of the current request shows of it; never a secret. */
export function noteDetails(details: Record<string, unknown>): void {
  const request = storage.getStore();
  if (request) request.details = { ...request.details, ...details };
}

/** From here on the texts of the current request's row pass through `mask`. */
export function noteMask(mask: (text: string) => string): void {
  const request = storage.getStore();
  if (request) request.mask = mask;
}

/** Tells the operation log what the current request is about, as soon as that is known. */
export function noteTarget(target: Target): void {
  const request = storage.getStore();
  if (request) request.target = target;
}

/** Tells that the refusal of the current request stands in the operation log already. */
export function noteRefusalRecorded(): void {
  const request = storage.getStore();
  if (request) request.refusalRecorded = true;
}
