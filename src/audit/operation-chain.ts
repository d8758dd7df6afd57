import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Operation } from './operation.entity';

/** Hash of the row before the first one. */
export const GENESIS = '0'.repeat(64);

const PAGE_ROWS = 1_000;

/** HMAC-SHA256 over everything in the row but the hash itself, in a fixed order. */
export function hashOfOperation(row: Operation, key: Buffer): string {
  const { seq, id, at, actorType, actorId, actorName, action, targetType, targetId, targetName } = row;
  const { outcome, status, ip, requestId, changes, prevHash } = row;
  const fields = [seq, id, at, actorType, actorId, actorName, action, targetType, targetId, targetName];
  fields.push(outcome, status, ip, requestId, changes, prevHash);
  return createHmac('sha256', key).update(JSON.stringify(fields)).digest('hex');
}

export interface ChainVerdict {
  checked: number;
  /** Rows whose key was lost: their order is checked, their content is not. */
  unverifiable: number;
  firstBroken: { seq: number; id: string; at: number } | null;
}

/**
 * Reads the chain from its first row that is kept to its end. A row of a former key is checked by that key (`keyOf`, null
 * if it was lost); the row after it, which a newer key signed, names its hash: so the newer key vouches for all before it.
 */
export async function verifyChain(
  page: (afterSeq: number, limit: number) => Promise<Operation[]>,
  keyOf: (seq: number) => Buffer | null,
): Promise<ChainVerdict> {
  const verdict: ChainVerdict = { checked: 0, unverifiable: 0, firstBroken: null };
  let last: Operation | null = null;
  for (;;) {
    const rows = await page(last?.seq ?? 0, PAGE_ROWS);
    for (const row of rows) {
      const key = keyOf(row.seq);
      const follows = last === null || (row.seq === last.seq + 1 && row.prevHash === last.hash);
      if (!follows || (key !== null && !isEqual(row.hash, hashOfOperation(row, key)))) {
        return { ...verdict, firstBroken: { seq: row.seq, id: row.id, at: row.at } };
      }
      verdict.checked += 1;
      if (key === null) verdict.unverifiable += 1;
      last = row;
    }
    if (rows.length < PAGE_ROWS) return verdict;
  }
}

function isEqual(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}
