import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { MoreThan, Not, Raw, Repository } from 'typeorm';
import { DatabaseInfo } from '../database/database-info';
import type { Tx } from '../database/transactions';
import { User } from './user.entity';

/** Any number that nothing else in the database uses for advisory locks. */
const USERS_LOCK = 7_262_021;

@Injectable()
export class UserRepository {
  constructor(
    @InjectRepository(User) private readonly users: Repository<User>,
    private readonly database: DatabaseInfo,
  ) {}

  findById(id: string, tx?: Tx): Promise<User | null> {
    return (tx ?? this.users.manager).findOneBy(User, { id });
  }

  findByUsername(username: string): Promise<User | null> {
    return this.users.findOneBy({ username });
  }

  /** Reads a user so that nobody else changes it before `tx` ends. (On SQLite transactions take turns anyway.) */
  lock(id: string, tx: Tx): Promise<User | null> {
    const lock = this.database.type === 'postgres' ? { lock: { mode: 'pessimistic_write' as const } } : {};
    return tx.findOne(User, { where: { id }, ...lock });
  }

  /** Lets one transaction at a time change who is a user and who an administrator. */
  async takeTurns(tx: Tx): Promise<void> {
    if (this.database.type === 'postgres') await tx.query('SELECT pg_advisory_xact_lock($1)', [USERS_LOCK]);
  }

  /** In the order they were made; one row more than `limit`, so that the caller knows whether there is a next page. */
  list(page: { after: string | null; limit: number }): Promise<User[]> {
    return this.users.find({
      where: page.after === null ? {} : { id: MoreThan(page.after) },
      order: { id: 'ASC' },
      take: page.limit + 1,
    });
  }

  count(): Promise<number> {
    return this.users.count();
  }

  async isEmpty(tx: Tx): Promise<boolean> {
    return (await tx.count(User)) === 0;
  }

  /** Whether another user than `id` has this name, in whatever case. */
  async isNameTaken(username: string, id: string | null, tx: Tx): Promise<boolean> {
    const sameName = Raw((column) => `LOWER(${column}) = LOWER(:username)`, { username });
    return tx.existsBy(User, { username: sameName, ...(id === null ? {} : { id: Not(id) }) });
  }

  /** How many enabled administrators there are besides this user. */
  countOtherAdmins(id: string, tx: Tx): Promise<number> {
    return tx.countBy(User, { role: 'admin', disabled: false, id: Not(id) });
  }

  async insert(user: User, tx: Tx): Promise<void> {
    await tx.insert(User, user);
  }

  /** Writes the whole row. */
  async update(user: User, tx: Tx): Promise<void> {
    const { id, ...columns } = user;
    await tx.update(User, { id }, columns);
  }

  async remove(id: string, tx: Tx): Promise<void> {
    await tx.delete(User, { id });
  }

  /** Stores a new password and ends the duty to change the first one. */
  async setPassword(id: string, passwordHash: string, now: number, tx: Tx): Promise<void> {
    await tx.update(
      User,
      { id },
      { passwordHash, mustChangePassword: false, updatedAt: now, version: () => 'version + 1' },
    );
  }

  /** Stores the same password hashed anew: nothing that anybody would see has changed. */
  async setHash(id: string, passwordHash: string, tx: Tx): Promise<void> {
    await tx.update(User, { id }, { passwordHash });
  }
}
