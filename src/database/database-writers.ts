import { Injectable } from '@nestjs/common';

/** Those who write behind the back of requests (log writers): asked to finish before the connection closes. */
@Injectable()
export class DatabaseWriters {
  private readonly flushes: (() => Promise<void>)[] = [];

  register(flush: () => Promise<void>): void {
    this.flushes.push(flush);
  }

  async flushAll(): Promise<void> {
    await Promise.allSettled(this.flushes.map((flush) => flush()));
  }
}
