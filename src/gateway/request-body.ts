import type { IncomingMessage } from 'node:http';
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
  if (!JSON_TYPE.test(headers['content-type'] ?? '') || isEncoded(headers['content-encoding'])) {
    refuse(new BodyTypeError());
    return;
  }
  if (Number(headers['content-length'] ?? 0) > limitBytes) {
    refuse(new BodyTooLargeError(limitBytes));
    return;
  }
  let first: Buffer | null = null;
  let more: Buffer[] | null = null;
  let length = 0;
  let isRefused = false;
  request.on('data', (chunk: Buffer) => {
    if (isRefused) return;
    length += chunk.length;
    if (length > limitBytes) {
      isRefused = true;
      first = more = null;
      refuse(new BodyTooLargeError(limitBytes));
    } else if (first === null) first = chunk;
    else (more ??= [first]).push(chunk);
  });
  request.on('end', () => {
    if (!isRefused) done(more === null ? (first?.toString('utf8') ?? '') : Buffer.concat(more).toString('utf8'));
  });
}

function isEncoded(encoding: string | undefined): boolean {
  return encoding !== undefined && encoding.toLowerCase() !== 'identity';
}
