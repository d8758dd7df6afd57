import { apiKeyHash, apiKeyPrefix, isApiKeyText, newApiKey } from './api-key-text';

describe('the text of an API key', () => {
  it('is 256 random bits behind our mark, never twice the same', () => {
    const keys = Array.from({ length: 1000 }, newApiKey);
    expect(new Set(keys).size).toBe(1000);
    for (const key of keys) {
      expect(key).toMatch(/^mcps_[A-Za-z0-9_-]{49}$/);
      expect(isApiKeyText(key)).toBe(true);
    }
  });

  it('is known to be none where it is mistyped, cut or made up: no database is asked', () => {
    const key = newApiKey();
    const other = key[20] === 'A' ? 'B' : 'A';
    const wrong = [
      key.slice(0, 20) + other + key.slice(21),
      key.slice(0, -1),
      `${key}A`,
      key.replace('mcps_', 'mcpx_'),
      ` ${key}`,
      `mcps_${'A'.repeat(49)}`,
      'mcps_',
      '',
      'mcps_' + 'x'.repeat(100_000),
    ];
    expect(wrong.map(isApiKeyText)).toEqual(wrong.map(() => false));
  });

  it('is stored as a hash and shown by its beginning', () => {
    const key = newApiKey();
    expect(apiKeyHash(key)).toMatch(/^[0-9a-f]{64}$/);
    expect(apiKeyHash(key)).not.toBe(apiKeyHash(newApiKey()));
    expect(apiKeyPrefix(key)).toBe(key.slice(0, 13));
  });
});
