import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import type { Tx } from '../database/transactions';
import { User } from './user.entity';

@Injectable()
export class UserRepository {
  constructor(@InjectRepository(User) private readonly users: Repository<User>) {}

  findById(id: string): Promise<User | null> {
    return this.users.findOneBy({ id });
  }

  findByUsername(username: string): Promise<User | null> {
    return this.users.findOneBy({ username });
  }

  async isEmpty(tx: Tx): Promise<boolean> {
    return (await tx.count(User)) === 0;
  }

  async insert(user: User, tx: Tx): Promise<void> {
    await tx.insert(User, user);
  }

  /** Stores a new password and ends the duty to change the first one. */
  async setPassword(id: string, passwordHash: string, now: number, tx: Tx): Promise<void> {
    await tx.update(
      User,
      { id },
      { passwordHash, mustChangePassword: false, updatedAt: now, version: () => 'version + 1' },
    );
  }
}
