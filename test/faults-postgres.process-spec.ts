/** The built program on a PostgreSQL that fails; at its true length in faults-postgres.slow-spec.ts. */
import { scratchFolder, stopProgram } from './support/built-program';
import { startFaultProgram } from './support/fault-program';
import { expectToSurvive } from './support/postgres-outage';
import { waitUntil } from './support/process-tree';
import { createStoppablePostgres, type StoppablePostgres } from './support/stoppable-postgres';

describe('on a PostgreSQL that is stopped hard', () => {
  const folder = scratchFolder();
  let server: StoppablePostgres;
  beforeAll(async () => {
    server = await createStoppablePostgres();
    await server.start();
  });
  afterAll(async () => {
    await server.remove();
    folder.remove();
  });

  it('F55: for some seconds under load, it lives on, is not ready meanwhile, and loses nothing that it has confirmed', async () => {
    const { program, origin, send } = await startFaultProgram(folder.path, { DATABASE_URL: server.url });
    await expectToSurvive({ server, program, origin, send, awayMs: 3_000 });
    await waitUntil(() => program.output().includes('The lock on the database is held again'), {
      what: 'the lock to be taken again',
    });
    expect(await stopProgram(program)).toBe(0);
  }, 180_000);
});
