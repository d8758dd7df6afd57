import { IncomingMessage } from 'node:http';

/** Takes a body as it comes off the wire. */
export interface BodyTaker {
  take(chunk: Buffer): void;
  end(): void;
}

/**
 * A request whose body can be handed on as the HTTP parser finds it. As a stream it would cost five turns of the queue of
 * ticks, a buffer and the stream's own end, a tenth of a call (ADR 50). Whoever does not ask for that gets a stream.
 */
export class DirectRequest extends IncomingMessage {
  /** Node asks it whether somebody reads the body, once the answer is out; else it does so itself. */
  declare _consuming: boolean;
  private taker: BodyTaker | null = null;
  private hasBegun = false;

  /** False: the body has begun to come; read it as a stream. */
  handTo(taker: BodyTaker): boolean {
    if (this.hasBegun) return false;
    this.taker = taker;
    this._consuming = true;
    return true;
  }

  get isHandedOn(): boolean {
    return this.taker !== null;
  }

  /** What the parser calls with each piece, and with null after the last. */
  override push(chunk: Buffer | null, encoding?: BufferEncoding): boolean {
    const { taker } = this;
    if (taker === null) {
      this.hasBegun = true;
      return super.push(chunk, encoding);
    }
    if (chunk === null) taker.end();
    else taker.take(chunk);
    return true;
  }
}

// Node's types say that this is a field, which a class can't answer itself.
const stream = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(IncomingMessage.prototype) as object,
  'readableEnded',
);
Object.defineProperty(DirectRequest.prototype, 'readableEnded', {
  configurable: true,
  get(this: DirectRequest): unknown {
    return this.isHandedOn ? this.complete : stream?.get?.call(this);
  },
});
