import { createHmac, timingSafeEqual } from 'node:crypto';
import type { OperationAnchor } from './operation-anchor.entity';
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

/** A signed anchor at a row. */
export function anchorAt(
  place: OperationAnchor['place'],
  { seq, hash, at }: Pick<Operation, 'seq' | 'hash' | 'at'>,
  key: Buffer,
): OperationAnchor {
  return { place, seq, hash, at, mac: macOfAnchor({ place, seq, hash, at }, key) };
}

function macOfAnchor({ place, seq, hash, at }: Omit<OperationAnchor, 'mac'>, key: Buffer): string {
  return createHmac('sha256', key)
    .update(JSON.stringify(['anchor', place, seq, hash, at]))
    .digest('hex');
}

export interface ChainVerdict {
  checked: number;
  /** Rows whose key was lost: their order is checked, their content is not. */
  unverifiable: number;
  firstBroken: { seq: number; id: string; at: number } | null;
  /** How many rows are gone from the end; null: nobody can say, the signed end itself is gone or forged. */
  missingAtEnd: number | null;
}

/** What `verifyChain` reads. */
export interface ChainSource {
  page: (afterSeq: number, limit: number) => Promise<Operation[]>;
  /** The key of a row; null where it was lost. */
  keyOf: (seq: number) => Buffer | null;
  /** All keys there are; null stands for those that were lost. */
  keys: readonly (Buffer | null)[];
  anchors: Partial<Record<OperationAnchor['place'], OperationAnchor>>;
}

/**
 * Reads the chain from its first row, or from the anchor that retention has left, to its end. A row of a former key is
 * checked by that key; the row after it, which a newer key signed, names its hash: so the newer key vouches for all before it.
 */
export async function verifyChain({ page, keyOf, keys, anchors }: ChainSource): Promise<ChainVerdict> {
  const start = isSigned(anchors.start, keys) ? anchors.start : undefined;
  const end = isSigned(anchors.end, keys) ? anchors.end : undefined;
  const verdict: ChainVerdict = { checked: 0, unverifiable: 0, firstBroken: null, missingAtEnd: null };
  let last = { seq: start?.seq ?? 0, hash: start?.hash ?? GENESIS };
  for (;;) {
    const rows = await page(last.seq, PAGE_ROWS);
    for (const row of rows) {
      const key = keyOf(row.seq);
      const follows = row.seq === last.seq + 1 && row.prevHash === last.hash;
      const isOther = end?.seq === row.seq && end.hash !== row.hash;
      if (!follows || isOther || (key !== null && !isEqual(row.hash, hashOfOperation(row, key)))) {
        return { ...verdict, firstBroken: { seq: row.seq, id: row.id, at: row.at } };
      }
      verdict.checked += 1;
      if (key === null) verdict.unverifiable += 1;
      last = row;
    }
    if (rows.length < PAGE_ROWS) break;
  }
  if (end !== undefined) verdict.missingAtEnd = Math.max(0, end.seq - last.seq);
  // Nothing was ever written.
  else if (anchors.end === undefined && last.seq === 0) verdict.missingAtEnd = 0;
  return verdict;
}

/** Whether nobody has touched the log. */
export function isSound({ firstBroken, missingAtEnd }: ChainVerdict): boolean {
  return firstBroken === null && missingAtEnd === 0;
}

/** By any of the keys; where one was lost, an anchor that fits none may be of that one. */
function isSigned(anchor: OperationAnchor | undefined, keys: ChainSource['keys']): boolean {
  if (anchor === undefined) return false;
  return keys.some((key) => key === null || isEqual(anchor.mac, macOfAnchor(anchor, key)));
}

function isEqual(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}
