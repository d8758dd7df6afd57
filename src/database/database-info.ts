import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';

/** What can be told of the database itself. */
@Injectable()
export class DatabaseInfo {
  constructor(private readonly dataSource: DataSource) {}

  get type(): 'sqlite' | 'postgres' {
    return this.dataSource.options.type === 'postgres' ? 'postgres' : 'sqlite';
  }

  /** One round trip to the database; rejects when it is away. */
  async ping(): Promise<void> {
    await this.dataSource.query('SELECT 1');
  }
}
