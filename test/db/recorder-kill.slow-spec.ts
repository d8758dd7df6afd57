/** Thirty times at random moments, through the whole program: `npm run test:slow`. */
import { scratchFolder } from '../support/built-program';
import { killUnderLoad } from '../support/killed-program';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

describe('kill -9 of the whole program under load, thirty times', () => {
  const folder = scratchFolder();
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(async () => {
    await database.drop();
    folder.remove();
  });

  it('F57: leaves everything that an answer has shown, as it was shown, and an unbroken operation log', async () => {
    const { kills, shown, verdict, messages, ...faults } = await killUnderLoad(
      folder.path,
      { DATABASE_URL: database.url },
      30,
    );
    expect(kills).toBe(30);
    expect(faults).toEqual({ missing: [], changed: [], twice: [], unaudited: 0 });
    expect(verdict).toMatchObject({ valid: true, firstBroken: null });
    expect(messages.counted).toBe(messages.stored);
    // A life leaves some lines of the system log, and more of all else.
    expect(shown.system).toBeGreaterThan(kills);
    expect(Math.min(shown.mcp, shown.operations)).toBeGreaterThan(100);
  }, 600_000);
});
