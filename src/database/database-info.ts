import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { readMigrationState } from './migration-runner';

/** What can be told of the database itself. */
@Injectable()
export class DatabaseInfo {
  constructor(private readonly dataSource: DataSource) {}

  get type(): 'sqlite' | 'postgres' {
    return this.dataSource.options.type === 'postgres' ? 'postgres' : 'sqlite';
  }

  /** How many migrations of this program it has, and how many not. @throws SchemaNewerError */
  async migrations(): Promise<{ applied: number; pending: number }> {
    const { applied, pending } = await readMigrationState(this.dataSource);
    return { applied, pending: pending.length };
  }

  /** As the database itself says it, such as `3.50.1` or `17.2`. */
  async version(): Promise<string> {
    const asked = this.type === 'sqlite' ? 'sqlite_version()' : "current_setting('server_version')";
    const [row] = await this.dataSource.query<{ version: string }[]>(`SELECT ${asked} AS version`);
    return row?.version.split(' ')[0] ?? 'unknown';
  }

  /** Size of a PostgreSQL database, in bytes; of SQLite the files tell. */
  async serverSizeBytes(): Promise<number> {
    const [row] = await this.dataSource.query<{ size: string }[]>(
      'SELECT pg_database_size(current_database()) AS size',
    );
    return Number(row?.size ?? 0);
  }

  /** One round trip to the database; rejects when it is away. */
  async ping(): Promise<void> {
    await this.dataSource.query('SELECT 1');
  }
}
