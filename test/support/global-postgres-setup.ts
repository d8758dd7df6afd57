/**
 * Jest's globalSetup of the *-postgres projects: one throwaway server for all of them.
 * Its address goes to the workers by TEST_POSTGRES_URL; a server named there beforehand is used as it is.
 */
import { PostgresServer, startPostgresServer } from './postgres-server';

declare global {
  /** The server that this run started; absent when TEST_POSTGRES_URL came from outside. */
  var testPostgresServer: PostgresServer | undefined;
}

export default async function setup(): Promise<void> {
  if (process.env['TEST_POSTGRES_URL']) return;
  globalThis.testPostgresServer = await startPostgresServer();
  process.env['TEST_POSTGRES_URL'] = globalThis.testPostgresServer.url;
}
