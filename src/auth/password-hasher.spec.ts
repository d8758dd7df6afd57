import { PasswordHasher } from './password-hasher';

const PASSWORD = 'correct horse battery staple';

async function fastestMs(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < 3; round++) {
    const before = performance.now();
    await work();
    times.push(performance.now() - before);
  }
  return Math.min(...times);
}

describe('the password hasher', () => {
  const hasher = new PasswordHasher();

  it('stores argon2id with 64 MiB and 3 passes, never twice the same', async () => {
    const [one, two] = await Promise.all([hasher.hash(PASSWORD), hasher.hash(PASSWORD)]);
    expect(one).toMatch(/^\$argon2id\$v=19\$m=65536,t=3,p=1\$[^$]{22,}\$[^$]{43,}$/);
    expect(one).not.toBe(two);
    expect(one).not.toContain(PASSWORD);
    expect(one.length).toBeLessThanOrEqual(255);
  });

  it('knows the password again and no other', async () => {
    const stored = await hasher.hash(PASSWORD);
    const tries = [PASSWORD, `${PASSWORD} `, PASSWORD.toUpperCase(), ''];
    expect(await Promise.all(tries.map((text) => hasher.verify(stored, text)))).toEqual([true, false, false, false]);
  });

  it('hashes for an unknown user as well, so that the time tells nothing', async () => {
    const stored = await hasher.hash(PASSWORD);
    const known = await fastestMs(() => hasher.verify(stored, 'wrong'));
    const unknown = await fastestMs(() => hasher.verify(null, 'wrong'));
    expect(unknown).toBeGreaterThan(known / 3);
    expect(unknown).toBeLessThan(known * 3);
  });

  it('lets an unknown user in with no password, not even that of its stand-in', async () => {
    const tries = ['a password that nobody has', '', PASSWORD];
    expect(await Promise.all(tries.map((text) => hasher.verify(null, text)))).toEqual([false, false, false]);
  });

  it.each(['', 'plain text', '$argon2id$v=19$m=65536,t=3,p=1$broken', '$2b$10$abcdefghijklmnopqrstuv'])(
    'takes no password for a stored %j',
    async (stored) => {
      expect(await hasher.verify(stored, PASSWORD)).toBe(false);
      expect(await hasher.verify(stored, stored)).toBe(false);
    },
  );
});
