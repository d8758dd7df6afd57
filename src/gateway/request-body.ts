import type { IncomingMessage } from 'node:http';
import { type BodyTaker, DirectRequest } from './direct-request';
import { BodyTooLargeError, BodyTypeError } from './gateway.errors';

const JSON_TYPE = /^application\/json\s*(;|$)/i;

/**
 * Reads the message in a body. Told by callback and not by promise: this is the hot path. What is too large is not read to
 * its end. A client that goes away is told to nobody: there is nobody to answer.
 */
export function readBody(
  request: IncomingMessage,
  limitBytes: number,
  done: (text: string) => void,
  refuse: (error: Error) => void,
): void {
  const { headers } = request;
  if (!isJson(headers['content-type']) || isEncoded(headers['content-encoding'])) {
    refuse(new BodyTypeError());
    return;
  }
  if (Number(headers['content-length'] ?? 0) > limitBytes) {
    refuse(new BodyTooLargeError(limitBytes));
    return;
  }
  const body = new Body(limitBytes, done, refuse);
  if (request instanceof DirectRequest && request.handTo(body)) return;
  request.on('data', (chunk: Buffer) => body.take(chunk));
  request.on('end', () => body.end());
}

/** The pieces of a body: mostly one. */
class Body implements BodyTaker {
  private first: Buffer | null = null;
  private more: Buffer[] | null = null;
  private length = 0;
  private isRefused = false;

  constructor(
    private readonly limitBytes: number,
    private readonly done: (text: string) => void,
    private readonly refuse: (error: Error) => void,
  ) {}

  take(chunk: Buffer): void {
    if (this.isRefused) return;
    this.length += chunk.length;
    if (this.length > this.limitBytes) {
      this.isRefused = true;
      this.first = this.more = null;
      this.refuse(new BodyTooLargeError(this.limitBytes));
    } else if (this.first === null) this.first = chunk;
    else (this.more ??= [this.first]).push(chunk);
  }

  end(): void {
    if (this.isRefused) return;
    const { first, more } = this;
    this.first = this.more = null;
    this.done(more === null ? (first?.toString('utf8') ?? '') : Buffer.concat(more).toString('utf8'));
  }
}

function isJson(type: string | undefined): boolean {
  return type === 'application/json' || (type !== undefined && JSON_TYPE.test(type));
}

function isEncoded(encoding: string | undefined): boolean {
  return encoding !== undefined && encoding.toLowerCase() !== 'identity';
}
