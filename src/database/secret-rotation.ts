import type { DataSource } from 'typeorm';
import { SecretCipher, SecretUnreadableError } from '../common/secret-cipher';
import { secretPlace } from '../common/secret-place';
import type { SecretKeys } from '../config/secret-keys';
import type { SealedColumns } from './data-source';
import { listSealedValues, resealValues, type SealedValue } from './sealed-values';
import { recordOf } from './secret-key-check';
import { SecretKeyRecord } from './secret-key.entity';
import type { Tx } from './transactions';

export interface KeyChange {
  from: SecretKeys;
  to: SecretKeys;
  /** The key that the database belongs to. */
  current: SecretKeyRecord;
  /** The row of the operation log that the new key signs first. */
  firstOperation: number;
}

/** Values that the former key does not open; nothing is changed because of them. */
export class ValuesUnreadableError extends Error {
  constructor(readonly places: readonly string[]) {
    const shown = places.slice(0, 10).join(', ') + (places.length > 10 ? ` and ${places.length - 10} more` : '');
    super(
      `${places.length} stored value(s) do not open with the former key: ${shown}. ` +
        'Give them anew or remove them, then try again.',
    );
    this.name = 'ValuesUnreadableError';
  }
}

/** Where the key to the older rows of the operation log is bound to. */
export function chainKeyPlace(number: number): string {
  return secretPlace('secret_keys', number, 'chain_key', '');
}

/**
 * Seals every value anew, inside `tx`, and proves it: each is read back and opened. Former keys of the operation log are
 * kept, sealed by the new key, so that their rows can still be checked. Returns how many values there were.
 * @throws ValuesUnreadableError
 */
export async function changeKey(
  tx: Tx,
  dataSource: DataSource,
  columns: readonly SealedColumns[],
  change: KeyChange,
): Promise<number> {
  const [from, to] = [new SecretCipher(change.from), new SecretCipher(change.to)];
  assertReadable(await listSealedValues(tx, dataSource, columns), from);
  const count = await resealValues(tx, dataSource, columns, { from, to });
  for (const { number, key } of await chainKeys(tx, change, from)) {
    await tx.update(SecretKeyRecord, { number }, { chainKey: to.seal(key, chainKeyPlace(number)) });
  }
  await tx.insert(SecretKeyRecord, recordOf(change.to, change.current, change.firstOperation));
  const after = await listSealedValues(tx, dataSource, columns);
  assertReadable(after, to);
  if (after.length !== count) throw new Error(`${count} values were sealed, but ${after.length} are there`);
  return count;
}

/** The keys of the operation log up to now, in clear; one that was lost with its SECRET_KEY stays lost. */
async function chainKeys(tx: Tx, { from, current }: KeyChange, cipher: SecretCipher) {
  const records = await tx.find(SecretKeyRecord);
  return records.flatMap(({ number, chainKey }) => {
    if (number === current.number) return [{ number, key: from.operationChain.toString('base64') }];
    const place = chainKeyPlace(number);
    return chainKey !== null && opens(cipher, chainKey, place) ? [{ number, key: cipher.open(chainKey, place) }] : [];
  });
}

function assertReadable(values: readonly SealedValue[], cipher: SecretCipher): void {
  const unreadable = values.filter(({ place, envelope }) => !opens(cipher, envelope, place));
  if (unreadable.length > 0) throw new ValuesUnreadableError(unreadable.map(({ place }) => place));
}

function opens(cipher: SecretCipher, envelope: string, place: string): boolean {
  try {
    cipher.open(envelope, place);
    return true;
  } catch (error) {
    if (error instanceof SecretUnreadableError) return false;
    throw error;
  }
}
