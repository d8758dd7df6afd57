import { SecretCipher, SecretUnreadableError } from '../common/secret-cipher';
import type { SecretKeys } from '../config/secret-keys';
import { SecretKeyRecord } from './secret-key.entity';
import { chainKeyPlace } from './secret-rotation';
import type { Tx } from './transactions';

/** The keys of the operation log, null where one was lost: all of them, and by which each row was signed. */
export interface ChainKeys {
  keys: (Buffer | null)[];
  keyOf: (seq: number) => Buffer | null;
}

/** `keys`: the newest ones. */
export async function readChainKeys(tx: Tx, keys: SecretKeys): Promise<ChainKeys> {
  const cipher = new SecretCipher(keys);
  const records = await tx.find(SecretKeyRecord, { order: { number: 'DESC' } });
  const segments = records.map(({ number, firstOperation, chainKey }, index) => ({
    firstOperation,
    key: index === 0 ? keys.operationChain : openChainKey(cipher, number, chainKey),
  }));
  return {
    keys: [keys.operationChain, ...segments.map(({ key }) => key)],
    keyOf: (seq) => {
      const segment = segments.find(({ firstOperation }) => firstOperation <= seq);
      return segment === undefined ? keys.operationChain : segment.key;
    },
  };
}

function openChainKey(cipher: SecretCipher, number: number, sealed: string | null): Buffer | null {
  if (sealed === null) return null;
  try {
    return Buffer.from(cipher.open(sealed, chainKeyPlace(number)), 'base64');
  } catch (error) {
    // Sealed by a key that was lost later.
    if (error instanceof SecretUnreadableError && error.keyId !== null) return null;
    throw error;
  }
}
