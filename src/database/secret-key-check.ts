import { timingSafeEqual } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { DataSource } from 'typeorm';
import { DomainError } from '../common/domain-error';
import { SecretCipher, SecretUnreadableError } from '../common/secret-cipher';
import type { SecretKeys } from '../config/secret-keys';
import type { SealedColumns } from './data-source';
import { listSealedValues, type SealedValue } from './sealed-values';
import { SecretKeyRecord } from './secret-key.entity';
import type { Tx } from './transactions';

/** The database belongs to another SECRET_KEY than this one. */
export class WrongSecretKeyError extends DomainError {
  constructor(expectedKeyId: string, { keyId, origin }: SecretKeys) {
    const isInterrupted = origin !== 'SECRET_KEY' && existsSync(`${origin}.new`);
    super(
      'conflict',
      'wrong_secret_key',
      `The database belongs to another SECRET_KEY (key id ${expectedKeyId}; the one in ${origin} has ${keyId}). ` +
        (isInterrupted
          ? 'A change of keys was interrupted: `npm run secrets:rotate` finishes it.'
          : 'Start with that key; nothing was changed. To change keys, or if it is lost: `npm run secrets:rotate -- --help`.'),
    );
  }
}

/** Whether a record is of this key. */
export function fits(record: SecretKeyRecord, keys: SecretKeys): boolean {
  return timingSafeEqual(Buffer.from(record.checkValue), Buffer.from(keys.checkValue));
}

/** The key that the database belongs to; null before its first start. */
export async function currentKey(tx: Tx): Promise<SecretKeyRecord | null> {
  const [record = null] = await tx.find(SecretKeyRecord, { order: { number: 'DESC' }, take: 1 });
  return record;
}

/** A record of a key that is to follow another one (or none). */
export function recordOf(keys: SecretKeys, after: SecretKeyRecord | null, firstOperation: number): SecretKeyRecord {
  return Object.assign(new SecretKeyRecord(), {
    number: (after?.number ?? 0) + 1,
    keyId: keys.keyId,
    checkValue: keys.checkValue,
    firstOperation,
    chainKey: null,
    createdAt: Date.now(),
  });
}

/** Refuses a key that the database does not belong to, before a migration or anything else touches it. @throws WrongSecretKeyError */
export async function refuseWrongKey(dataSource: DataSource, keys: SecretKeys): Promise<void> {
  if (!dataSource.hasMetadata(SecretKeyRecord)) return;
  const runner = dataSource.createQueryRunner();
  const isThere = await runner.hasTable('secret_keys').finally(() => runner.release());
  const record = isThere ? await currentKey(dataSource.manager) : null;
  if (record !== null && !fits(record, keys)) throw new WrongSecretKeyError(record.keyId, keys);
}

/**
 * Leaves the mark of the key at the first start. A database of before there were marks is asked for a value that opens.
 * @throws WrongSecretKeyError
 */
export async function markSecretKey(
  dataSource: DataSource,
  keys: SecretKeys,
  sealed: readonly SealedColumns[],
): Promise<void> {
  const { manager } = dataSource;
  if (!dataSource.hasMetadata(SecretKeyRecord) || (await currentKey(manager)) !== null) return;
  assertOpensOne(await listSealedValues(manager, dataSource, sealed), keys);
  await manager.insert(SecretKeyRecord, recordOf(keys, null, 1));
}

/** One is enough: others may have been lost with a key of before, and the program went on without them. */
function assertOpensOne(values: readonly SealedValue[], keys: SecretKeys): void {
  const cipher = new SecretCipher(keys);
  let otherKey: string | null = null;
  for (const { place, envelope } of values) {
    try {
      cipher.open(envelope, place);
      return;
    } catch (error) {
      if (!(error instanceof SecretUnreadableError)) throw error;
      otherKey ??= error.keyId;
    }
  }
  if (otherKey !== null) throw new WrongSecretKeyError(otherKey, keys);
}
