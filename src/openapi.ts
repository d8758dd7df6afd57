import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildDocument } from './app.openapi';
import { createApp } from './app.setup';
import { AppLogger } from './common/app-logger';
import { loadConfig } from './config/load-config';

/** Prints the OpenAPI document: `node dist/src/openapi.js`. Reads no configuration, so that it is the same everywhere. */
async function main(): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'mcps-openapi-'));
  const config = loadConfig({
    DATA_DIR: dataDir,
    DATABASE_URL: 'sqlite::memory:',
    ADMIN_PASSWORD: 'never used by anyone',
  });
  const app = await createApp(config, new AppLogger('error'));
  const document = buildDocument(app, config.projectName, config.apiPrefix);
  await app.close();
  rmSync(dataDir, { recursive: true, force: true });
  process.stdout.write(JSON.stringify(document));
}

void main();
