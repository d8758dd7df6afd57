import { SecretKeys } from '../config/secret-keys';
import { SecretCipher, SecretUnreadableError } from './secret-cipher';

const PLACE = 'tools/1/env/API_KEY';
const aCipher = (master = 'master key of this installation'): SecretCipher => new SecretCipher(new SecretKeys(master));

function failureOf(work: () => unknown): SecretUnreadableError {
  try {
    work();
  } catch (error) {
    if (error instanceof SecretUnreadableError) return error;
    throw error;
  }
  throw new Error('It was opened');
}

/** The envelope with one byte of a part (2 nonce, 3 sealed) turned over. */
function tampered(envelope: string, part: 2 | 3, byte: number): string {
  const parts = envelope.split('.');
  const bytes = Buffer.from(parts[part]!, 'base64url');
  bytes.writeUInt8(bytes.at(byte)! ^ 1, byte < 0 ? bytes.length + byte : byte);
  parts[part] = bytes.toString('base64url');
  return parts.join('.');
}

describe('a sealed secret', () => {
  it.each(['sk-123456', '', 'Grüße, 世界 🌍', 'a\0b\n', 'x'.repeat(100_000)])('opens to what was sealed', (plain) => {
    const cipher = aCipher();
    expect(cipher.open(cipher.seal(plain, PLACE), PLACE)).toBe(plain);
  });

  it('opens after a restart with the same key', () => {
    expect(aCipher().open(aCipher().seal('sk-123456', PLACE), PLACE)).toBe('sk-123456');
  });

  it('tells nothing of its content and never looks the same twice', () => {
    const cipher = aCipher();
    const [one, two] = [cipher.seal('sk-123456', PLACE), cipher.seal('sk-123456', PLACE)];
    expect(one).not.toBe(two);
    expect(one).toMatch(/^v1\.[0-9a-f]{8}\.[\w-]{16}\.[\w-]+$/);
    expect(Buffer.from(one.split('.')[3]!, 'base64url').toString('latin1')).not.toContain('sk-123456');
  });

  it('does not open in another place', () => {
    const cipher = aCipher();
    const envelope = cipher.seal('sk-123456', PLACE);
    expect(failureOf(() => cipher.open(envelope, 'tools/2/env/API_KEY')).keyId).toBeNull();
  });

  it('names the key it needs when the installation has another', () => {
    const [cipher, other] = [aCipher(), aCipher('another master key')];
    const envelope = cipher.seal('sk-123456', PLACE);
    const failure = failureOf(() => other.open(envelope, PLACE));
    expect(failure.keyId).toBe(new SecretKeys('master key of this installation').keyId);
    expect(failure.message).toContain(`another SECRET_KEY (key id ${failure.keyId})`);
  });

  it.each([
    ['its nonce', 2, 0],
    ['its content', 3, 0],
    ['its tag', 3, -1],
  ] as const)('does not open when %s was tampered with', (_, part, byte) => {
    const cipher = aCipher();
    const envelope = cipher.seal('sk-123456', PLACE);
    expect(failureOf(() => cipher.open(tampered(envelope, part, byte), PLACE)).keyId).toBeNull();
  });

  it.each([12, 8, 4])('does not open with a tag cut to %d bytes, which would be easy to forge', (length) => {
    const cipher = aCipher();
    const [version, keyId, nonce, sealed] = cipher.seal('', PLACE).split('.');
    const cut = Buffer.from(sealed!, 'base64url').subarray(0, length).toString('base64url');
    expect(failureOf(() => cipher.open([version, keyId, nonce, cut].join('.'), PLACE)).keyId).toBeNull();
  });

  it.each(['', 'plain text', 'v1', 'v1.aabbccdd.x', 'v2.aabbccdd.AAAAAAAAAAAAAAAA.AAAA'])(
    'is called damaged when it is %j',
    (envelope) => {
      expect(failureOf(() => aCipher().open(envelope, PLACE)).message).toBe('A stored secret is damaged');
    },
  );
});
