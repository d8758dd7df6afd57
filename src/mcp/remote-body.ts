import { TransportError } from './transport.types';

export interface BodyWatch {
  /** Server-sent events: a message is a line. Otherwise the whole body is one. */
  isStream: boolean;
  maxBytes: number;
  /** How long it may pause and how long it may take in all, in milliseconds; null: as long as it likes. */
  limits: { idleMs: number; totalMs: number } | null;
  onOversized: (sizeBytes: number) => void;
  /** It is over, properly or not. Not told when the reader has turned away. */
  onEnd: () => void;
}

const LINE_FEED = 0x0a;

/** Lets the bytes of a body pass, and breaks it at a message that is too big to be held, or when it does not go on. */
export function watchBody(body: ReadableStream<Uint8Array>, watch: BodyWatch): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  const began = performance.now();
  let messageBytes = 0;

  const next = async (): Promise<Uint8Array | null> => {
    const { limits } = watch;
    const leftMs = limits === null ? null : Math.min(limits.idleMs, limits.totalMs - (performance.now() - began));
    const { done, value } = await (leftMs === null ? reader.read() : within(leftMs, reader.read()));
    if (done) return null;
    const feed = watch.isStream ? value.lastIndexOf(LINE_FEED) : -1;
    messageBytes = feed === -1 ? messageBytes + value.length : value.length - feed - 1;
    if (messageBytes <= watch.maxBytes) return value;
    watch.onOversized(messageBytes);
    throw new TransportError('message_too_big', `A message of the server is over ${watch.maxBytes} bytes`);
  };

  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      try {
        const chunk = await next();
        if (chunk !== null) {
          controller.enqueue(chunk);
          return;
        }
        controller.close();
      } catch (error) {
        controller.error(error);
        void reader.cancel(error).catch(() => undefined);
      }
      watch.onEnd();
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

/** @throws TransportError `remote_stalled` */
async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    const stalled = new TransportError('remote_stalled', 'The server began an answer and did not finish it');
    timer = setTimeout(() => reject(stalled), Math.max(0, ms));
  });
  // What comes after the limit is of no interest.
  work.catch(() => undefined);
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
