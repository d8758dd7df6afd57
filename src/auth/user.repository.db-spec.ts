import { createMigratedDatabase, type MigratedDatabase } from '../../test/support/migrated-database';
import { isUniqueViolation } from '../database/database-errors';
import { DatabaseInfo } from '../database/database-info';
import { User } from './user.entity';
import { UserRepository } from './user.repository';

const aUser = (id: string, given: Partial<User> = {}): User =>
  Object.assign(new User(), {
    id,
    username: `user-${id}`,
    passwordHash: 'old hash',
    role: 'operator',
    disabled: false,
    mustChangePassword: true,
    version: 1,
    createdAt: 1_000,
    updatedAt: 1_000,
    ...given,
  });

describe('the users', () => {
  let db: MigratedDatabase;
  let users: UserRepository;

  const insert = (user: User) => db.transactions.run((tx) => users.insert(user, tx));

  beforeAll(async () => {
    db = await createMigratedDatabase();
    users = new UserRepository(db.dataSource.getRepository(User), new DatabaseInfo(db.dataSource));
  });

  afterAll(() => db.drop());

  afterEach(() => db.dataSource.manager.clear(User));

  it('are found by id and by name as they were stored', async () => {
    await insert(aUser('1', { disabled: true }));
    expect(await users.findById('1')).toEqual(aUser('1', { disabled: true }));
    expect(await users.findByUsername('user-1')).toEqual(aUser('1', { disabled: true }));
    expect(await users.findById('2')).toBeNull();
    expect(await users.findByUsername('USER-1')).toBeNull();
  });

  it('are known to be none before the first one', async () => {
    const isEmpty = () => db.transactions.run((tx) => users.isEmpty(tx));
    expect(await isEmpty()).toBe(true);
    await insert(aUser('1'));
    expect(await isEmpty()).toBe(false);
  });

  it('share no name', async () => {
    await insert(aUser('1', { username: 'anna' }));
    const failure: unknown = await insert(aUser('2', { username: 'anna' })).catch((error: unknown) => error);
    expect(isUniqueViolation(failure)).toBe(true);
  });

  it('have done their duty with a new password, each on their own', async () => {
    await insert(aUser('1'));
    await insert(aUser('2'));
    await db.transactions.run((tx) => users.setPassword('1', 'new hash', 2_000, tx));
    expect(await users.findById('1')).toEqual(
      aUser('1', { passwordHash: 'new hash', mustChangePassword: false, version: 2, updatedAt: 2_000 }),
    );
    expect(await users.findById('2')).toEqual(aUser('2'));
  });
});
