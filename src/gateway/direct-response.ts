import { type IncomingMessage, ServerResponse } from 'node:http';

/** The date as answers carry it, made once a second. */
let date = '';
let dateUntil = 0;

/**
 * A response that can send a short JSON message in one piece. Node checks and joins each header line by line, and hands
 * head and body to the socket as two writes that it gathers again: together a tenth of a call (ADR 50).
 *
 * It puts the body behind the head in `_header`, which Node sends as one with what follows; all that comes after (queue of
 * pipelined answers, end, keeping the connection) is Node's own.
 */
export class DirectResponse<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> {
  declare _header: string | null;
  declare _keepAliveTimeout: number;
  declare _maxRequestsPerSocket: number | null;
  declare _expect_continue: boolean;

  /** A body of ASCII, with status 200, on a connection that is kept. `lines` are whole header lines. False: nothing was done. */
  sendWhole(lines: string, text: string): boolean {
    const isPlain =
      this.shouldKeepAlive && !this._expect_continue && !this._maxRequestsPerSocket && this._keepAliveTimeout;
    if (!isPlain || this.headersSent) return false;
    const seconds = Math.floor(this._keepAliveTimeout / 1000);
    this._header = `HTTP/1.1 200 OK\r\n${lines}Content-Length: ${text.length}\r\nDate: ${dateNow()}\r\nConnection: keep-alive\r\nKeep-Alive: timeout=${seconds}\r\n\r\n${text}`;
    this.end();
    return true;
  }
}

function dateNow(): string {
  const now = Date.now();
  if (now >= dateUntil || now < dateUntil - 1000) {
    date = new Date(now).toUTCString();
    dateUntil = now - (now % 1000) + 1000;
  }
  return date;
}
