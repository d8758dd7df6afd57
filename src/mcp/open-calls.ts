import { WaitingList } from '../common/waiting-list';
import { CallDeadlines } from './call-deadlines';
import { OWN_CLIENT, type CallSink, type PeerCounters, type PeerTool, type RelaySink } from './peer.types';
import { PeerClosedError, type PeerCallError } from './peer.errors';
import type { PeerRecorder } from './peer-recorder';
import { AbandonedCalls, type PendingCall } from './pending-call';
import type { CallOutcome } from './traffic';
import type { TransportEnd } from './transport.types';

const ABANDONED_KEPT = 256;
/** So many calls unanswered in a row, and not a sound meanwhile: then further calls in flight prove no diligence. */
const DEAF_CALLS = 3;

/** A request that stays open by intent (2026-07-28): no sign of work, and nobody waits for its end. */
const isStanding = ({ method }: PendingCall): boolean => method === 'subscriptions/listen';

/** What is waited for: the calls of clients up to that id. */
interface Draining {
  readonly lastId: number;
  left: number;
  readonly done: () => void;
}

/** In the order of their ids. */
class CallList extends WaitingList<PendingCall> {
  find(id: number): PendingCall | undefined {
    // Most are answered in turn, so it is one of the first.
    for (let at = this.head; at < this.end; at++) {
      const call = this.entries[at];
      if (call?.id === id) return call;
    }
    return undefined;
  }
}

/** The calls of one peer that have no answer yet: every one ends exactly once, here. */
export class OpenCalls {
  readonly deadlines: CallDeadlines<PendingCall>;
  private readonly pending = new CallList();
  private readonly abandoned = new AbandonedCalls(ABANDONED_KEPT);
  private lastId = 0;
  private standing = 0;
  private draining: Draining | null = null;
  /** Calls of clients that timed out since the server was last heard, and the first of them. */
  private unheard = 0;
  private firstUnheardId = 0;

  constructor(
    private readonly tool: PeerTool,
    private readonly recorder: PeerRecorder,
    private readonly counts: PeerCounters,
    /** Milliseconds that never jump. */
    private readonly monotonic: () => number,
    /** Told of a call that has got no answer in time; it is to be ended then. */
    onLate: (call: PendingCall) => void,
  ) {
    this.deadlines = new CallDeadlines(this.pending, onLate);
  }

  /** Of those that are to end. */
  get size(): number {
    return this.pending.size - this.standing;
  }

  /** Whether new calls are refused because those in flight are the last. */
  get isDraining(): boolean {
    return this.draining !== null;
  }

  /** Whether the server may be silent because it works. */
  get isBusy(): boolean {
    if (this.unheard < DEAF_CALLS) return this.size > 0;
    // One that was asked before may still be what keeps it busy.
    for (const call of this.pending) if (!isStanding(call)) return call.id < this.firstUnheardId;
    return false;
  }

  nextId(): number {
    return ++this.lastId;
  }

  add(call: PendingCall): void {
    if (isStanding(call)) this.standing += 1;
    this.pending.add(call);
  }

  has(call: PendingCall): boolean {
    return this.pending.has(call);
  }

  find(id: number | null): PendingCall | undefined {
    return id === null ? undefined : this.pending.find(id);
  }

  /** Whether a request of this id was ever sent. */
  wasAsked(id: number | null): id is number {
    return id !== null && id > 0 && id <= this.lastId;
  }

  /** Keeps a call that is given up, so that a late answer can be recorded with its name. */
  abandon(call: PendingCall): void {
    this.abandoned.add(call);
  }

  /** Finds and forgets one that was given up. */
  takeAbandoned(id: number): PendingCall | undefined {
    return this.abandoned.take(id);
  }

  /** The server said something. */
  noteHeard(): void {
    this.unheard = 0;
  }

  /** A call got no answer in time. */
  noteTimeout(call: PendingCall): void {
    if (call.client === OWN_CLIENT) return;
    if (this.unheard === 0) this.firstUnheardId = call.id;
    this.unheard += 1;
  }

  /** Ends the waiting; null if it had ended. */
  take(call: PendingCall): CallSink | RelaySink | null {
    const wasPending = this.pending.delete(call);
    if (wasPending && isStanding(call)) this.standing -= 1;
    // What a call that has ended holds on to may live for long: GatewayExchange says why.
    const { sink } = call;
    call.sink = null;
    call.source = null;
    if (this.draining !== null && wasPending) this.countDown(this.draining, call);
    return sink;
  }

  fail(call: PendingCall, error: PeerCallError, outcome: CallOutcome, sizeBytes = 0): void {
    const sink = this.take(call);
    if (!sink) return;
    this.recorder.failure(call, call.id, { outcome, durationMs: this.monotonic() - call.startedAt }, sizeBytes);
    try {
      sink.onError(error);
    } catch {
      this.counts.listenerFailures += 1;
    }
  }

  failSoon(call: PendingCall, error: PeerCallError): void {
    queueMicrotask(() => this.fail(call, error, 'transport_error'));
  }

  extendAll(timeoutMs: number | null): void {
    for (const call of this.pending) call.extend(timeoutMs ?? call.timeoutMs);
  }

  failAll(end: TransportEnd): void {
    for (const call of this.pending) {
      this.fail(call, new PeerClosedError(this.tool.name, call.method, end), 'transport_error');
    }
    this.deadlines.end();
  }

  /** From here on nothing new is taken. Resolves when the calls of clients have ended; for our own nobody waits. To be called once. */
  drain(): Promise<void> {
    return new Promise((done) => {
      const left = [...this.pending].filter(isWaitedFor).length;
      this.draining = { lastId: this.lastId, left, done };
      if (left === 0) done();
    });
  }

  private countDown(draining: Draining, call: PendingCall): void {
    if (!isWaitedFor(call) || call.id > draining.lastId) return;
    draining.left -= 1;
    if (draining.left === 0) draining.done();
  }
}

/** Before a stop: a call of a client, and one that will end. */
function isWaitedFor(call: PendingCall): boolean {
  return call.client !== OWN_CLIENT && !isStanding(call);
}
