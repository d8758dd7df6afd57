import { kindOf, type RpcId, type RpcMessage } from '../../src/mcp/json-rpc.types';
import {
  TransportError,
  type McpTransport,
  type TransportEnd,
  type TransportListener,
} from '../../src/mcp/transport.types';

/** A server without a wire: keeps what was sent and says what the test wants it to say. */
export class FakeTransport implements McpTransport {
  readonly sent: RpcMessage[] = [];
  readonly versions: string[] = [];
  /** Answers each message that is sent; returns nothing to stay silent. */
  onSend: ((message: RpcMessage) => void) | null = null;
  /** Thrown by the next and all further `send`s. */
  sendFailure: TransportError | null = null;
  openFailure: TransportError | null = null;
  listener: TransportListener | null = null;
  private isOver = false;

  open(listener: TransportListener): Promise<void> {
    if (this.openFailure) return Promise.reject(this.openFailure);
    this.listener = listener;
    return Promise.resolve();
  }

  send(message: RpcMessage, text: string): void {
    if (this.isOver) throw new TransportError('transport_closed', 'closed');
    if (this.sendFailure) throw this.sendFailure;
    // What counts is what would stand on the wire.
    this.sent.push(JSON.parse(text) as RpcMessage);
    const { onSend } = this;
    if (onSend) void Promise.resolve().then(() => onSend(message));
  }

  setProtocolVersion(version: string): void {
    this.versions.push(version);
  }

  close(): Promise<void> {
    this.end({ code: 'closed', message: 'closed by the test' });
    return Promise.resolve();
  }

  /** The server says something. */
  deliver(message: RpcMessage): void {
    const text = JSON.stringify(message);
    this.listener?.onMessage(JSON.parse(text) as RpcMessage, text, Buffer.byteLength(text));
  }

  result(id: RpcId | null | undefined, result: unknown): void {
    this.deliver({ jsonrpc: '2.0', id, result });
  }

  error(id: RpcId | null | undefined, code: number, message: string, data?: unknown): void {
    this.deliver({ jsonrpc: '2.0', id, error: { code, message, data } });
  }

  end(end: TransportEnd): void {
    if (this.isOver) return;
    this.isOver = true;
    this.listener?.onClose(end);
  }

  /** The messages of one method among those sent. */
  sentOf(method: string): RpcMessage[] {
    return this.sent.filter((message) => message.method === method);
  }

  /** The last request that was sent. */
  get lastRequest(): RpcMessage {
    const last = this.sent.filter((message) => kindOf(message) === 'request').at(-1);
    if (!last) throw new Error('No request was sent');
    return last;
  }
}
