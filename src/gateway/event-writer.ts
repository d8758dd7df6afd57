import type { ServerResponse } from 'node:http';

/** What a client that reads too slowly may leave lying; then it is cut off (F38). */
const MAX_BUFFERED_BYTES = 1024 * 1024;
const LINE_BREAKS = /[\r\n]+/g;

/** Writes events of one stream (HTML standard, server-sent events). */
export class EventWriter {
  constructor(private readonly response: ServerResponse) {}

  get isOpen(): boolean {
    return !this.response.writableEnded && !this.response.destroyed;
  }

  /** A message as one event; false: the client has been cut off, or is gone. */
  send(text: string, eventId?: string, event = 'message'): boolean {
    if (!this.isOpen) return false;
    // White space between the parts of a message may hold line breaks; inside of strings JSON allows none.
    const line = text.includes('\n') || text.includes('\r') ? text.replace(LINE_BREAKS, ' ') : text;
    const id = eventId === undefined ? '' : `id: ${eventId}\n`;
    this.response.write(`event: ${event}\n${id}data: ${line}\n\n`);
    return this.bounded();
  }

  /** An event id without a message: from here the stream can be taken up again (2025-11-25). */
  prime(eventId: string): void {
    if (this.isOpen) this.response.write(`id: ${eventId}\ndata: \n\n`);
  }

  /** A comment: keeps what lies between from closing a connection on which nothing is said. */
  beat(): void {
    if (this.isOpen && this.response.writableLength === 0) this.response.write(': keep-alive\n\n');
  }

  end(): void {
    if (this.isOpen) this.response.end();
  }

  private bounded(): boolean {
    if (this.response.writableLength <= MAX_BUFFERED_BYTES) return true;
    this.response.destroy();
    return false;
  }
}
