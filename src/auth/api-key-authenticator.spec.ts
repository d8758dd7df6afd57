import { FakeClock } from '../../test/support/fake-clock';
import { ApiKey } from './api-key.entity';
import { ApiKeyAuthenticator } from './api-key-authenticator';
import { apiKeyHash, newApiKey } from './api-key-text';
import type { ApiKeyUsage } from './api-key-usage';
import type { ApiKeyRepository } from './api-key.repository';
import { UnauthenticatedError } from './auth.errors';
import { PrincipalRevocations } from './principal-revocations';

function anAuthenticator(given: Partial<ApiKey> = {}) {
  const clock = new FakeClock();
  const text = newApiKey();
  const key = Object.assign(new ApiKey(), {
    ...{ id: 'k-1', name: 'ci', role: 'operator', toolIds: null, expiresAt: null, hash: apiKeyHash(text), ...given },
  });
  const stored = new Map([[key.hash, key]]);
  const used: string[] = [];
  let asked = 0;
  /** What the database waits for before it answers. */
  const busy: { until: Promise<void> | null } = { until: null };
  const keys = {
    findByHash: async (hash: string) => {
      asked++;
      const found = stored.get(hash) ?? null;
      await busy.until;
      return found;
    },
  };
  const usage = { note: (id: string) => void used.push(id) };
  const revocations = new PrincipalRevocations();
  const authenticator = new ApiKeyAuthenticator(
    keys as unknown as ApiKeyRepository,
    usage as unknown as ApiKeyUsage,
    clock,
    revocations,
  );
  const revoke = () => {
    stored.clear();
    revocations.announce([{ type: 'apiKey', id: key.id }]);
  };
  return { authenticator, text, clock, used, revoke, revocations, busy, askedSoFar: () => asked };
}

describe('the check of an API key', () => {
  it('tells who comes, and asks the database once', async () => {
    const { authenticator, text, used, askedSoFar } = anAuthenticator({ toolIds: ['t-1'] });
    for (let n = 0; n < 100; n++) {
      const principal = await authenticator.authenticate(text);
      expect(principal).toMatchObject({ type: 'apiKey', id: 'k-1', name: 'ci', role: 'operator', sessionId: null });
      expect(principal.toolIds).toEqual(new Set(['t-1']));
    }
    expect(askedSoFar()).toBe(1);
    expect(used).toHaveLength(100);
  });

  it('asks nobody about what can be no key', async () => {
    const { authenticator, askedSoFar } = anAuthenticator();
    for (const text of ['', 'mcps_', 'garbage', `mcps_${'a'.repeat(49)}`]) {
      await expect(authenticator.authenticate(text)).rejects.toThrow(UnauthenticatedError);
    }
    expect(askedSoFar()).toBe(0);
  });

  it('refuses a key that nobody has made, and does not remember it', async () => {
    const { authenticator, askedSoFar } = anAuthenticator();
    const other = newApiKey();
    for (let n = 0; n < 2; n++) await expect(authenticator.authenticate(other)).rejects.toThrow(UnauthenticatedError);
    expect(askedSoFar()).toBe(2);
  });

  it('refuses a revoked key from the next request on', async () => {
    const { authenticator, text, revoke } = anAuthenticator();
    await authenticator.authenticate(text);
    revoke();
    await expect(authenticator.authenticate(text)).rejects.toThrow(UnauthenticatedError);
  });

  it('does not remember a key that was revoked while it was read', async () => {
    const { authenticator, text, revoke, busy } = anAuthenticator();
    let answer = (): void => undefined;
    busy.until = new Promise((resolve) => (answer = resolve));
    const first = authenticator.authenticate(text);
    revoke();
    answer();
    await first;
    await expect(authenticator.authenticate(text)).rejects.toThrow(UnauthenticatedError);
  });

  it('keeps what it knows when a user is revoked', async () => {
    const { authenticator, text, revocations, askedSoFar } = anAuthenticator();
    await authenticator.authenticate(text);
    revocations.announce([{ type: 'user', id: 'u-1' }]);
    await authenticator.authenticate(text);
    expect(askedSoFar()).toBe(1);
  });

  it('refuses a key from the moment it ends, remembered or not', async () => {
    const clock = new FakeClock();
    const { authenticator, text, clock: own } = anAuthenticator({ expiresAt: clock.now() + 5_000 });
    await authenticator.authenticate(text);
    own.advance(4_999);
    await authenticator.authenticate(text);
    own.advance(1);
    await expect(authenticator.authenticate(text)).rejects.toThrow(UnauthenticatedError);
  });

  it('looks a key up anew after half a minute', async () => {
    const { authenticator, text, clock, askedSoFar } = anAuthenticator();
    await authenticator.authenticate(text);
    clock.advance(30_000);
    await authenticator.authenticate(text);
    expect(askedSoFar()).toBe(2);
  });

  describe('by the header that it came in', () => {
    it('knows it again without the database, and notes each use', async () => {
      const { authenticator, text, used, askedSoFar } = anAuthenticator();
      const header = `Bearer ${text}`;
      expect(authenticator.recognise(header, text)).toBeNull();
      expect(authenticator.recallHeader(header)).toBeNull();
      const principal = await authenticator.authenticate(text);
      expect(authenticator.recallHeader(header)).toBeNull();
      expect(authenticator.recognise(header, text)).toBe(principal);
      expect(authenticator.recallHeader(header)).toBe(principal);
      expect(authenticator.recallHeader(`${header}x`)).toBeNull();
      expect([askedSoFar(), used.length]).toEqual([1, 3]);
    });

    it('A15: knows it no more from the moment it is revoked, has expired, or was read too long ago', async () => {
      for (const end of ['revoked', 'expired', 'old'] as const) {
        const { authenticator, text, clock, revoke } = anAuthenticator({ expiresAt: new FakeClock().now() + 1_000 });
        const header = `Bearer ${text}`;
        await authenticator.authenticate(text);
        expect(authenticator.recognise(header, text)).not.toBeNull();
        if (end === 'revoked') revoke();
        else clock.advance(end === 'expired' ? 1_000 : 30_000);
        expect(authenticator.recallHeader(header)).toBeNull();
        expect(authenticator.recognise(header, text)).toBeNull();
        expect(authenticator.recall(text)).toBeNull();
      }
    });

    it('keeps no header longer than it is trusted, and a bounded number of them', async () => {
      jest.useFakeTimers();
      try {
        const { authenticator, text } = anAuthenticator();
        await authenticator.authenticate(text);
        authenticator.recognise('Bearer first', text);
        for (let n = 0; n < 1_000; n++) authenticator.recognise(`Bearer ${n}`, text);
        expect(authenticator.recallHeader('Bearer first')).toBeNull();
        expect(authenticator.recallHeader('Bearer 999')).not.toBeNull();
        const long = `Bearer ${' '.repeat(10_000)}x`;
        expect(authenticator.recognise(long, text)).not.toBeNull();
        expect(authenticator.recallHeader(long)).toBeNull();
        jest.advanceTimersByTime(30_000);
        expect(authenticator.recallHeader('Bearer 999')).toBeNull();
        authenticator.onModuleDestroy();
      } finally {
        jest.useRealTimers();
      }
    });
  });
});
