/** Some of the statements; all of them in migration-kill.slow-spec.ts. */
import { countStatements, expectToRecover } from '../support/killed-migration';

describe('F54: a migration that is killed with kill -9', () => {
  it('at the beginning, in the middle or at the end: the next start brings the database up to date, and nothing is lost', async () => {
    const count = await countStatements();
    expect(count).toBeGreaterThan(10);
    for (const part of [0.25, 0.5, 0.8, 1]) await expectToRecover(Math.ceil(part * count));
  }, 120_000);
});
