import { createMigratedDatabase, type MigratedDatabase } from '../../test/support/migrated-database';
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
    sessions = new SessionRepository(db.dataSource.getRepository(Session));
  });

  afterAll(() => db.drop());

  afterEach(() => db.dataSource.manager.clear(Session));

  it('live until the moment they expire', async () => {
    await open(aSession('s-1'));
    expect(await sessions.findLive('s-1', NOW)).toEqual(aSession('s-1'));
    expect((await sessions.findLive('s-1', NOW + 999))?.id).toBe('s-1');
    expect(await sessions.findLive('s-1', NOW + 1_000)).toBeNull();
    expect(await sessions.findLive('s-2', NOW)).toBeNull();
  });

  it('that are over go when another one is opened, those of other users too', async () => {
    await open(
      aSession('s-1', { expiresAt: NOW - 1 }),
      aSession('s-2', { expiresAt: NOW - 1, userId: 'bert' }),
      aSession('s-3', { userId: 'bert' }),
      aSession('s-4'),
    );
    expect(await storedIds()).toEqual(['s-3', 's-4']);
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
