import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { MoreThan, Repository } from 'typeorm';
import type { Tx } from '../database/transactions';
import { ApiKey } from './api-key.entity';

@Injectable()
export class ApiKeyRepository {
  constructor(@InjectRepository(ApiKey) private readonly keys: Repository<ApiKey>) {}

  findByHash(hash: string): Promise<ApiKey | null> {
    return this.keys.findOneBy({ hash });
  }

  findById(id: string, tx: Tx): Promise<ApiKey | null> {
    return tx.findOneBy(ApiKey, { id });
  }

  /** In the order they were made; one row more than `limit`, so that the caller knows whether there is a next page. */
  list(page: { after: string | null; limit: number }): Promise<ApiKey[]> {
    return this.keys.find({
      where: page.after === null ? {} : { id: MoreThan(page.after) },
      order: { id: 'ASC' },
      take: page.limit + 1,
    });
  }

  count(): Promise<number> {
    return this.keys.count();
  }

  async insert(key: ApiKey, tx: Tx): Promise<void> {
    await tx.insert(ApiKey, key);
  }

  async remove(id: string, tx: Tx): Promise<void> {
    await tx.delete(ApiKey, { id });
  }

  /** Key id -> epoch milliseconds. */
  async noteUse(lastUsed: ReadonlyMap<string, number>, tx: Tx): Promise<void> {
    for (const [id, lastUsedAt] of lastUsed) await tx.update(ApiKey, { id }, { lastUsedAt });
  }
}
