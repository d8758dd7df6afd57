import type { CallDeadlines, Timed } from './call-deadlines';
import type { ClientMessage } from './client-message';
import type { RpcId } from './json-rpc.types';
import type { Attribution } from './peer-recorder';
import type { CallHandle, CallSink, RelaySink } from './peer.types';

/** What a call is called and who makes it. */
export interface CallFacts {
  method: string;
  client: string | null;
  sessionId: string | null;
  timeoutMs: number;
}

/** One call on its way, which is also the handle its caller holds: one object a call. */
export class PendingCall implements CallHandle, Attribution, Timed {
  readonly method: string;
  readonly client: string | null;
  readonly sessionId: string | null;
  readonly timeoutMs: number;
  deadline = Infinity;
  limitMs = Infinity;
  /** What is relayed; let go of when the call has ended. */
  source: ClientMessage | null = null;

  constructor(
    readonly id: number,
    call: CallFacts,
    readonly target: string | null,
    /** The progress token that the caller had put in, to be restored. */
    readonly callerToken: RpcId | undefined,
    /** Monotonic milliseconds. */
    readonly startedAt: number,
    /** Null once the call has ended: who waits for a late answer must not keep the caller's memory. */
    public sink: CallSink | RelaySink | null,
    private readonly onCancel: (call: PendingCall, reason: string | undefined) => void,
    private readonly deadlines: CallDeadlines<PendingCall>,
  ) {
    this.method = call.method;
    this.client = call.client;
    this.sessionId = call.sessionId;
    this.timeoutMs = call.timeoutMs;
  }

  cancel(reason?: string): void {
    if (this.sink) this.onCancel(this, reason);
  }

  extend(timeoutMs: number): void {
    if (this.sink !== null && this.deadline !== Infinity) this.deadlines.set(this, timeoutMs);
  }
}

/** The last calls that were given up, so that a late answer can be recorded with the name of its request. */
export class AbandonedCalls {
  private readonly calls = new Map<number, PendingCall>();

  constructor(private readonly limit: number) {}

  add(call: PendingCall): void {
    this.calls.set(call.id, call);
    if (this.calls.size <= this.limit) return;
    for (const oldest of this.calls.keys()) {
      this.calls.delete(oldest);
      return;
    }
  }

  /** Finds and forgets it. */
  take(id: number): PendingCall | undefined {
    const call = this.calls.get(id);
    if (call) this.calls.delete(id);
    return call;
  }
}
