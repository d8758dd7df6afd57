import { targetOf } from './call-params';
import type { RpcId, RpcKind, RpcMessage } from './json-rpc.types';
import type { PeerTool } from './peer.types';
import type { CallOutcome, TrafficDirection, TrafficSink } from './traffic';

/** Whose message it is, and which call it belongs to. */
export interface Attribution {
  method: string | null;
  target: string | null;
  client: string | null;
  sessionId: string | null;
}

export const UNATTRIBUTED: Attribution = { method: null, target: null, client: null, sessionId: null };

/** Writes one record for each message of one peer. A sink that throws is counted and never breaks the relay. */
export class PeerRecorder {
  failures = 0;

  constructor(
    private readonly sink: TrafficSink,
    private readonly tool: PeerTool,
    private readonly now: () => number,
  ) {}

  /** A request or notification, of either side. */
  message(
    direction: TrafficDirection,
    kind: RpcKind,
    of: Attribution,
    rpcId: RpcId | null,
    text: string,
    sizeBytes: number,
  ): void {
    this.write(direction, kind, of, rpcId, null, null, text, sizeBytes);
  }

  /** An answer, of either side. */
  answer(
    direction: TrafficDirection,
    kind: RpcKind,
    of: Attribution,
    rpcId: RpcId | null,
    ended: { outcome: CallOutcome | null; durationMs: number | null; late?: boolean },
    text: string,
    sizeBytes: number,
  ): void {
    this.write(direction, kind, of, rpcId, ended.outcome, ended.durationMs, text, sizeBytes, ended.late);
  }

  /** The end of a call to which no usable answer came: there is no message, so we write its line ourselves. */
  failure(of: Attribution, rpcId: RpcId, ended: { outcome: CallOutcome; durationMs: number }, sizeBytes = 0): void {
    this.write('from-server', 'error', of, rpcId, ended.outcome, ended.durationMs, null, sizeBytes);
  }

  private write(
    direction: TrafficDirection,
    kind: RpcKind,
    of: Attribution,
    rpcId: RpcId | null,
    outcome: CallOutcome | null,
    durationMs: number | null,
    text: string | null,
    sizeBytes: number,
    late?: boolean,
  ): void {
    try {
      this.sink.record({
        at: this.now(),
        toolId: this.tool.id,
        toolName: this.tool.name,
        sessionId: of.sessionId,
        client: of.client,
        direction,
        kind,
        method: of.method,
        target: of.target,
        rpcId,
        outcome,
        durationMs,
        sizeBytes,
        late,
        payload: this.tool.recordPayloads ? text : null,
      });
    } catch {
      this.failures += 1;
    }
  }
}

/** The attribution of a message that names its own method. */
export function attributionOf(
  message: RpcMessage,
  asker: { client: string | null; sessionId: string | null } = UNATTRIBUTED,
): Attribution {
  const method = message.method ?? null;
  return {
    method,
    target: method === null ? null : targetOf(method, message.params),
    client: asker.client,
    sessionId: asker.sessionId,
  };
}
