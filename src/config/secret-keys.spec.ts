import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeTemporaryFolders, temporaryFolder } from '../../test/support/temporary-folder';
import { loadConfig } from './load-config';
import { SecretKeys } from './secret-keys';

const load = (dataDir: string, more: Record<string, string> = {}) =>
  SecretKeys.load(loadConfig({ DATA_DIR: dataDir, ...more }));

describe('the secret keys', () => {
  afterEach(removeTemporaryFolders);

  it('come from a file that is made at the first start, for its owner alone', () => {
    const dataDir = join(temporaryFolder(), 'data');
    load(dataDir);
    expect(statSync(join(dataDir, 'secret-key')).mode & 0o777).toBe(0o600);
    expect(statSync(dataDir).mode & 0o777).toBe(0o700);
    expect(Buffer.from(readFileSync(join(dataDir, 'secret-key'), 'utf8').trim(), 'base64url')).toHaveLength(48);
  });

  it('stay the same at the next start, and differ between installations', () => {
    const dataDir = temporaryFolder();
    const first = load(dataDir);
    expect(load(dataDir)).toEqual(first);
    expect(load(temporaryFolder()).accessTokens).not.toEqual(first.accessTokens);
  });

  it('come from SECRET_KEY where it is set, and no file is made', () => {
    const dataDir = temporaryFolder();
    expect(load(dataDir, { SECRET_KEY: 'given' })).toEqual(new SecretKeys('given'));
    expect(existsSync(join(dataDir, 'secret-key'))).toBe(false);
  });

  it('are one for each purpose, none of them the master key', () => {
    const { accessTokens, secretsAtRest, operationChain } = new SecretKeys('0123456789abcdef0123456789abcdef');
    const all = [accessTokens, secretsAtRest, operationChain].map((key) => key.toString('hex'));
    expect(new Set(all).size).toBe(3);
    for (const key of all) expect(key).toHaveLength(64);
    expect(all).not.toContain(Buffer.from('0123456789abcdef0123456789abcdef').toString('hex'));
  });

  it('are derived in a way that never changes: stored secrets and the operation log hang on it', () => {
    const keys = new SecretKeys('golden');
    expect(keys.keyId).toBe('ee0720b4');
    expect(keys.secretsAtRest.toString('hex').slice(0, 16)).toBe('1b3475f68d3f912b');
    expect(keys.operationChain.toString('hex').slice(0, 16)).toBe('e8964f70f162ab6b');
    expect(keys.checkValue.slice(0, 16)).toBe('5c3d364886389a7c');
  });

  it.each([
    ['empty', ''],
    ['cut off', 'abc\n'],
  ])('refuse a file that is %s, and leave it as it is', (_, content) => {
    const dataDir = temporaryFolder();
    const file = join(dataDir, 'secret-key');
    writeFileSync(file, content);
    expect(() => load(dataDir)).toThrow(`${file} is damaged: restore it, or set SECRET_KEY`);
    expect(readFileSync(file, 'utf8')).toBe(content);
  });
});
