import { createMigratedDatabase, type MigratedDatabase } from '../../test/support/migrated-database';
import { DatabaseInfo } from '../database/database-info';
import { RefreshToken } from './refresh-token.entity';
import { Session } from './session.entity';
import { SessionRepository } from './session.repository';

const NOW = Date.UTC(2026, 10, 23, 12);

const aSession = (id: string, given: Partial<Session> = {}): Session =>
  Object.assign(new Session(), {
    id,
    userId: 'anna',
    createdAt: NOW,
    lastUsedAt: NOW,
    expiresAt: NOW + 1_000,
    ip: '203.0.113.7',
    userAgent: 'a browser',
    ...given,
  });

const aToken = (given: Partial<RefreshToken> = {}): RefreshToken =>
  Object.assign(new RefreshToken(), {
    hash: `hash of ${given.sessionId ?? 's-1'}`,
    ...{ sessionId: 's-1', generation: 1, usedAt: null, ...given },
  });

describe('the sessions', () => {
  let db: MigratedDatabase;
  let sessions: SessionRepository;

  const open = (...all: Session[]) =>
    db.transactions.run(async (tx) => {
      for (const session of all) await sessions.open(session, tx);
    });

  const storedIds = async (): Promise<string[]> =>
    (await db.dataSource.manager.find(Session, { order: { id: 'ASC' } })).map(({ id }) => id);

  beforeAll(async () => {
    db = await createMigratedDatabase();
    sessions = new SessionRepository(db.dataSource.getRepository(Session), new DatabaseInfo(db.dataSource));
  });

  afterAll(() => db.drop());

  afterEach(async () => {
    await db.dataSource.manager.clear(Session);
    await db.dataSource.manager.clear(RefreshToken);
  });

  it('live until the moment they expire', async () => {
    await open(aSession('s-1'));
    expect(await sessions.findLive('s-1', NOW)).toEqual(aSession('s-1'));
    expect((await sessions.findLive('s-1', NOW + 999))?.id).toBe('s-1');
    expect(await sessions.findLive('s-1', NOW + 1_000)).toBeNull();
    expect(await sessions.findLive('s-2', NOW)).toBeNull();
  });

  it('that are over are forgotten with their tokens: past their end, or not used for too long', async () => {
    await open(
      aSession('s-1', { expiresAt: NOW - 1 }),
      aSession('s-2', { lastUsedAt: NOW - 2, userId: 'bert' }),
      aSession('s-3', { userId: 'bert' }),
      aSession('s-4'),
    );
    await db.transactions.run(async (tx) => {
      for (const sessionId of ['s-1', 's-3']) await sessions.addToken(aToken({ sessionId }), tx);
      await sessions.forgetEnded(NOW, NOW - 1, tx);
    });
    expect(await storedIds()).toEqual(['s-3', 's-4']);
    expect(await db.dataSource.manager.find(RefreshToken)).toEqual([aToken({ sessionId: 's-3' })]);
  });

  it('use up a generation of tokens, and know their newest', async () => {
    const [first, twin] = [aToken({ hash: 'a', generation: 2 }), aToken({ hash: 'b', generation: 2 })];
    await db.transactions.run(async (tx) => {
      expect(await sessions.newestGeneration('s-1', tx)).toBe(0);
      for (const token of [aToken({ hash: 'c', usedAt: 5 }), first, twin]) await sessions.addToken(token, tx);
      await sessions.useUp('s-1', 2, NOW, tx);
      expect(await sessions.newestGeneration('s-1', tx)).toBe(2);
      const usedAt = async (hash: string) => (await sessions.findToken(hash, tx))?.usedAt;
      expect([await usedAt('a'), await usedAt('b'), await usedAt('c')]).toEqual([NOW, NOW, 5]);
      await sessions.forgetTokens('s-1', 1, tx);
      expect(await sessions.findToken('c', tx)).toBeNull();
    });
  });

  it('can be ended by their owner alone', async () => {
    await open(aSession('s-1'));
    const end = (userId: string) => db.transactions.run((tx) => sessions.end(userId, 's-1', tx));
    expect([await end('bert'), await end('anna'), await end('anna')]).toEqual([false, true, false]);
    expect(await storedIds()).toEqual([]);
  });

  it('of one user end all but the one that is kept', async () => {
    await open(aSession('s-1'), aSession('s-2'), aSession('s-3'), aSession('s-4', { userId: 'bert' }));
    await db.transactions.run((tx) => sessions.endOthers('anna', 's-2', tx));
    expect(await storedIds()).toEqual(['s-2', 's-4']);
  });

  it('of one user end all where none is kept', async () => {
    await open(aSession('s-1'), aSession('s-2'), aSession('s-4', { userId: 'bert' }));
    await db.transactions.run((tx) => sessions.endOthers('anna', null, tx));
    expect(await storedIds()).toEqual(['s-4']);
  });

  it('stay when the change that ends them is taken back', async () => {
    await open(aSession('s-1'), aSession('s-2'));
    const failing = db.transactions.run(async (tx) => {
      await sessions.endOthers('anna', 's-2', tx);
      throw new Error('deliberate');
    });
    await expect(failing).rejects.toThrow('deliberate');
    expect(await storedIds()).toEqual(['s-1', 's-2']);
  });
});
