/** An export that is a multiple of the memory it may take, on both databases: `npm run test:slow`. */
import { scratchFolder } from '../support/built-program';
import { logStoreOf } from '../support/log-stores';
import { createMigratedDatabase, type MigratedDatabase } from '../support/migrated-database';
import { exportWhileStalled } from '../support/stalled-export';

const ROWS = 500_000;
const MIB = 1024 * 1024;

describe('an export of half a million messages whose reader does not read for a while', () => {
  const folder = scratchFolder();
  let db: MigratedDatabase;
  beforeAll(async () => {
    db = await createMigratedDatabase();
  });
  afterAll(async () => {
    await db.drop();
    folder.remove();
  });

  it('waits for it with a few megabytes in memory, and then comes whole and in order', async () => {
    const env = { DATABASE_URL: db.database.url };
    const found = await exportWhileStalled(folder.path, env, { openStore: () => logStoreOf(db), rows: ROWS });
    expect([found.lines, found.disordered]).toEqual([ROWS, 0]);
    expect(found.bytes).toBeGreaterThan(250 * MIB);
    expect(found.bytesWhileStalled).toBeLessThan(20 * MIB);
    expect(found.grownWhileStalled).toBeLessThan(60 * MIB);
    // On PostgreSQL rows are read by the main thread, and V8 lets their garbage lie: of 200,000 as much as of 500,000.
    expect(found.grownMost).toBeLessThan(180 * MIB);
  }, 600_000);
});
