import { DomainError, type ErrorKind } from '../common/domain-error';
import type { RpcError } from './json-rpc.types';
import type { TransportEnd } from './transport.types';

/** Why a call got no result. `code` is a stable word; which class it is tells the rest. */
export abstract class PeerCallError extends DomainError {}

/** `tool_rpc_error`: the server answered with a JSON-RPC error of its own, kept as it came. */
export class RpcCallError extends PeerCallError {
  constructor(
    toolName: string,
    method: string,
    readonly rpcError: RpcError,
  ) {
    super(
      'upstream-failed',
      'tool_rpc_error',
      `${toolName} answered ${method} with error ${rpcError.code}: ${rpcError.message}`,
      {
        extra: { rpcError },
      },
    );
  }
}

/** `tool_timeout`: no answer came in time; an answer that comes later is dropped. */
export class CallTimeoutError extends PeerCallError {
  constructor(
    toolName: string,
    method: string,
    readonly timeoutMs: number,
  ) {
    super('upstream-timeout', 'tool_timeout', `${toolName} did not answer ${method} within ${timeoutMs} ms`);
  }
}

/** `call_cancelled`: the caller gave up. */
export class CallCancelledError extends PeerCallError {
  constructor(toolName: string, method: string, reason?: string) {
    super('upstream-failed', 'call_cancelled', `${method} to ${toolName} was cancelled${reason ? `: ${reason}` : ''}`);
  }
}

/** `tool_connection_lost`: the connection ended, or had ended, before the answer; `end` says why. */
export class PeerClosedError extends PeerCallError {
  constructor(
    toolName: string,
    method: string,
    readonly end: TransportEnd,
  ) {
    super(
      'upstream-failed',
      'tool_connection_lost',
      `The connection to ${toolName} ended during ${method}: ${end.message}`,
      {
        extra: { reason: end.code },
      },
    );
  }
}

/** `tool_connection_lost`: this one message could not be delivered; the connection itself may live on. `end` says why. */
export class CallNotDeliveredError extends PeerCallError {
  constructor(
    toolName: string,
    method: string,
    readonly end: TransportEnd,
  ) {
    super(
      'upstream-failed',
      'tool_connection_lost',
      `${method} could not be delivered to ${toolName}: ${end.message}`,
      {
        extra: { reason: end.code },
      },
    );
  }
}

/** `tool_not_running`: a stop or restart is under way, which lets only the calls in flight end. */
export class PeerDrainingError extends PeerCallError {
  constructor(toolName: string, method: string) {
    super('conflict', 'tool_not_running', `${toolName} is stopping and takes no new calls: ${method} was not sent`);
  }
}

/** `message_too_big`: the answer was over the size cap and was skipped. */
export class MessageTooBigError extends PeerCallError {
  constructor(
    toolName: string,
    method: string,
    readonly sizeBytes: number,
  ) {
    super(
      'upstream-failed',
      'message_too_big',
      `The answer of ${toolName} to ${method} has ${sizeBytes} bytes and was refused`,
    );
  }
}

/** `call_not_serializable`: the parameters cannot be written as JSON (nested too deep, cyclic, a BigInt). */
export class CallNotSerializableError extends PeerCallError {
  constructor(toolName: string, method: string, cause: unknown) {
    super('invalid', 'call_not_serializable', `The parameters of ${method} to ${toolName} cannot be written as JSON`, {
      cause,
    });
  }
}

/** A server that could not be agreed with; `code` says in which way. */
export class HandshakeError extends DomainError {
  constructor(
    override readonly code: HandshakeErrorCode,
    message: string,
    options: { kind?: ErrorKind; cause?: unknown; extra?: Record<string, unknown> } = {},
  ) {
    super(options.kind ?? 'upstream-failed', code, message, { cause: options.cause, extra: options.extra });
  }
}

export type HandshakeErrorCode =
  /** It ended the connection on `server/discover`: worth one restart with the probe `legacy`. */
  | 'closed_during_probe'
  | 'closed_during_handshake'
  | 'handshake_aborted'
  /** The server answered `initialize` with an error. */
  | 'handshake_refused'
  | 'handshake_timeout'
  | 'not_mcp'
  | 'protocol_mismatch';

/** `listing_invalid`: a list of the server cannot be read to its end. */
export class ListingError extends DomainError {
  constructor(message: string) {
    super('upstream-failed', 'listing_invalid', message);
  }
}
