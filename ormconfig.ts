import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DataSource } from 'typeorm';
import { SCHEMA } from './src/app.schema';
import { loadConfig } from './src/config/load-config';
import { dataSourceOptions } from './src/database/data-source';

/** The data source of the TypeORM command line (`npm run migration:*`); the application makes its own from the same parts. */
const { database } = loadConfig();
if (database.type === 'sqlite') mkdirSync(dirname(database.file), { recursive: true, mode: 0o700 });

export default new DataSource(dataSourceOptions(database, SCHEMA));
