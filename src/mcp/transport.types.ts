import type { AnswerText } from './answer-text';
import type { RpcMessage } from './json-rpc.types';

/** Why a connection ended; `code` is a stable word that `lastError.code` can show. */
export interface TransportEnd {
  code: string;
  message: string;
  /** The HTTP status that a remote answered, where there was one. */
  status?: number;
}

/** What a transport tells its owner. Callbacks never throw into the transport. */
export interface TransportListener {
  /** One whole message; `text` is exactly what came (without the line end), `sizeBytes` its size on the wire. */
  onMessage(message: RpcMessage, text: string, sizeBytes: number): void;
  /**
   * A large answer that was only looked at; false: it is wanted parsed, by `onMessage`. A transport that parses everything
   * never calls it.
   */
  onAnswerText?(answer: AnswerText, sizeBytes: number): boolean;
  /** Something that is no JSON-RPC message; `sample` is at most 200 characters of it. Never fatal. */
  onNoise(sample: string): void;
  /** A message over the size cap was skipped; the id may be visible in `head`, its first part, or in `tail`, its last one. */
  onOversized(head: string, sizeBytes: number, tail?: string): void;
  /** A message that `send` had taken could not be delivered (remote transports). */
  onSendFailed(message: RpcMessage, end: TransportEnd): void;
  /** The connection is over; called exactly once, also after `close()`. Nothing is delivered afterwards. */
  onClose(end: TransportEnd): void;
}

/** One connection to one MCP server, below any knowledge of methods. */
export interface McpTransport {
  /** It sends texts as they are and never looks at the parsed message. */
  readonly carriesText?: true;
  /** Connects and begins to deliver to `listener`. Rejects with a TransportError; honours `signal`. */
  open(listener: TransportListener, signal: AbortSignal): Promise<void>;
  /**
   * Takes one message for sending and returns at once. `text` is the serialized `message`.
   * Throws a TransportError `transport_closed`, or `stdin_stuck` when the bounded queue of a peer that does not read is full.
   */
  send(message: RpcMessage, text: string): void;
  /** Tells a remote transport which revision was agreed (HTTP header `MCP-Protocol-Version`, modern `Mcp-Method`, `Mcp-Name`). */
  setProtocolVersion(version: string): void;
  /** Ends the connection; resolves when nothing of it is left. Idempotent. */
  close(): Promise<void>;
}

/** A failure of a connection, classified by `code` (a stable word). */
export class TransportError extends Error {
  constructor(
    readonly code: string,
    message: string,
    options?: { cause?: unknown; status?: number },
  ) {
    super(message, { cause: options?.cause });
    this.name = 'TransportError';
    this.status = options?.status;
  }

  /** The HTTP status that a remote answered, where there was one. */
  readonly status: number | undefined;
}
