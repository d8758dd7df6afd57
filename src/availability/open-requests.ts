import { Injectable } from '@nestjs/common';

/**
 * The requests that are being answered, whatever door they came in by. A stream that ends only when somebody ends it is to
 * be taken out (`end`) by whoever holds it open: nobody waits for it.
 */
@Injectable()
export class OpenRequests {
  private readonly open = new Set<object>();
  private waiting: (() => void)[] = [];

  get count(): number {
    return this.open.size;
  }

  /** `request`: any object that stands for it, such as Node's own. */
  begin(request: object): void {
    this.open.add(request);
  }

  /** Idempotent. */
  end(request: object): void {
    if (!this.open.delete(request) || this.open.size > 0) return;
    for (const tell of this.waiting) tell();
    this.waiting = [];
  }

  /** Resolves when none is open, with true; with false when some still are after so long. */
  async idle(limitMs: number): Promise<boolean> {
    if (this.open.size === 0) return true;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), limitMs)));
    const idle = new Promise<true>((resolve) => this.waiting.push(() => resolve(true)));
    const isIdle = await Promise.race([idle, late]);
    clearTimeout(timer);
    return isIdle;
  }
}
