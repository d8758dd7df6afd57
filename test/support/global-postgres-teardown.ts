/** Jest's globalTeardown of the *-postgres projects: ends the server that the setup started, and only that. */
import './global-postgres-setup';

export default async function teardown(): Promise<void> {
  const server = globalThis.testPostgresServer;
  if (server === undefined) return;
  globalThis.testPostgresServer = undefined;
  delete process.env['TEST_POSTGRES_URL'];
  await server.stop();
}
