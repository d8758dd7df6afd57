import { getHeapStatistics } from 'node:v8';
import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/domain-error';
import { Clock } from '../common/clock';

/** 503: to take this too could end us all. */
export class OverloadedError extends DomainError {
  constructor() {
    super('unavailable', 'overloaded', 'MCPS.ONE is short of memory and takes no more for a moment', {
      retryAfterSeconds: 2,
    });
  }
}

export interface HeapState {
  usedBytes: number;
  limitBytes: number;
}

/** What a body costs on its way through: as text, parsed, written anew, recorded, and the answer. */
const EXPANSION = 6;
/** What is left alone for everything else. */
const RESERVE_SHARE = 0.1;
/** Looking at the heap costs microseconds, but for each request. */
const LOOK_EVERY_MS = 100;

/**
 * Refuses what there is no memory for, before the process ends of it (F45): counted is what the bodies under way will cost,
 * against what is left below the heap's limit. With a usual heap of gigabytes nobody meets it.
 */
@Injectable()
export class LoadShedder {
  /** Since the start. */
  refused = 0;
  private readonly open = new Map<object, number>();
  private pendingBytes = 0;
  private heap: HeapState = { usedBytes: 0, limitBytes: Infinity };
  private lookedAt = -Infinity;

  constructor(private readonly clock: Clock) {}

  /** Whether there is room for a body, which is not counted: for those that are small and many. @throws OverloadedError */
  assertRoom(bytes: number): void {
    const { usedBytes, limitBytes } = this.look();
    const left = limitBytes * (1 - RESERVE_SHARE) - usedBytes;
    if ((this.pendingBytes + bytes) * EXPANSION <= left) return;
    this.refused += 1;
    // What was used may have been garbage: the next one looks anew.
    this.lookedAt = -Infinity;
    throw new OverloadedError();
  }

  /** Counts `bytes` of a body until `release`. @throws OverloadedError */
  admit(request: object, bytes: number): void {
    this.assertRoom(bytes);
    this.open.set(request, bytes);
    this.pendingBytes += bytes;
  }

  /** Idempotent. */
  release(request: object): void {
    this.pendingBytes -= this.open.get(request) ?? 0;
    this.open.delete(request);
  }

  protected readHeap(): HeapState {
    const { used_heap_size: usedBytes, heap_size_limit: limitBytes } = getHeapStatistics();
    return { usedBytes, limitBytes };
  }

  private look(): HeapState {
    const now = this.clock.monotonic();
    if (now - this.lookedAt >= LOOK_EVERY_MS) {
      this.heap = this.readHeap();
      this.lookedAt = now;
    }
    return this.heap;
  }
}
