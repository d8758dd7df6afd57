import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Principal } from '../auth/principal';
import type { LogPosition } from '../logs/log-entries';
import { eventFrame, retryFrame } from './event-frame';
import type { StreamFilter } from './stream-filter';

/** Why a stream is ended by us: the name of its last event. */
export type EndReason = 'shutdown' | 'expired' | 'revoked' | 'failed';

/** What may wait for one reader, in bytes: memory that a thousand who don't read must not fill. */
export const BUFFER_BYTES = 1024 * 1024;
/** A reader that takes nothing for so long is gone, whatever its connection says. */
const STALL_MS = 60_000;
const HEARTBEAT_MS = 15_000;
const RETRY_MS = 2_000;
/** Whoever does not take the last event in this time is cut. */
const LAST_WORDS_MS = 2_000;

/** One reader: what it may see, where it stands, and how much it has not taken yet. */
export class EventStream {
  /** Gets log entries as they are committed; else it is still being brought there, from `position` on. */
  isLive = false;
  position: LogPosition = { mcp: 0, system: 0, operations: 0 };
  private hasBegun = false;
  private endReason: EndReason | 'gone' | null = null;
  private blockedSince: number | null = null;
  private wroteAt: number;

  constructor(
    readonly principal: Principal,
    readonly filter: StreamFilter,
    private readonly response: ServerResponse,
    private readonly monotonic: () => number,
  ) {
    this.wroteAt = monotonic();
    response.on('drain', () => (this.blockedSince = null));
    response.once('close', () => (this.endReason ??= 'gone'));
  }

  /** Why it takes nothing more; null while it does. */
  get over(): EndReason | 'gone' | null {
    return this.endReason;
  }

  /** Bytes that the reader has left with us. */
  get backlog(): number {
    return this.response.writableLength;
  }

  begin(headers: OutgoingHttpHeaders): void {
    // Ended between its opening and now.
    if (this.endReason !== null) {
      this.response.destroy();
      return;
    }
    this.response.socket?.setNoDelay(true);
    this.response.writeHead(200, headers);
    this.hasBegun = true;
    this.write(Buffer.from(retryFrame(RETRY_MS)));
  }

  /** False: there is no room for it. What comes before the beginning is not for this stream. */
  offer(bytes: Buffer): boolean {
    if (!this.hasBegun || this.endReason !== null) return true;
    if (this.backlog + bytes.length > BUFFER_BYTES) return false;
    this.write(bytes);
    return true;
  }

  /** Resolves when the reader has taken it, or is gone. */
  async send(bytes: Buffer): Promise<void> {
    if (this.endReason !== null || this.write(bytes)) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        this.response.off('drain', done).off('close', done);
        resolve();
      };
      this.response.on('drain', done).on('close', done);
    });
  }

  isStalled(now: number): boolean {
    return this.blockedSince !== null && now - this.blockedSince >= STALL_MS;
  }

  isQuiet(now: number): boolean {
    return this.hasBegun && now - this.wroteAt >= HEARTBEAT_MS;
  }

  /** Says why, and ends; resolves when the reader has it, or was cut. */
  end(reason: EndReason): Promise<void> {
    if (this.endReason !== null) return Promise.resolve();
    this.endReason = reason;
    if (!this.hasBegun) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.cut(), LAST_WORDS_MS);
      this.response.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
      this.response.end(eventFrame(reason, {}));
    });
  }

  cut(): void {
    this.endReason ??= 'gone';
    this.response.destroy();
  }

  private write(bytes: Buffer): boolean {
    this.wroteAt = this.monotonic();
    const isTaken = this.response.write(bytes);
    if (!isTaken) this.blockedSince ??= this.wroteAt;
    return isTaken;
  }
}
