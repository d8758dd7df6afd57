import { DataSource } from 'typeorm';
import { SCHEMA } from './src/app.schema';
import { loadConfig } from './src/config/load-config';
import { dataSourceOptions, logDataSourceOptions, prepareSqliteFile } from './src/database/data-source';
import { logDatabaseFile } from './src/database/log-database';

/** The log file beside a SQLite database, for the TypeORM command line; on PostgreSQL there is none, and nothing to do. */
const { database } = loadConfig();
if (database.type === 'sqlite') prepareSqliteFile(logDatabaseFile(database.file));

export default new DataSource(
  database.type === 'sqlite'
    ? logDataSourceOptions(database.file, SCHEMA)
    : dataSourceOptions(database, { entities: [], migrations: [] }),
);
