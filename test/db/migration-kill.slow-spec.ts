/** Every statement, one after the other: `npm run test:slow`. */
import { countStatements, expectToRecover } from '../support/killed-migration';

describe('F54: a migration that is killed with kill -9', () => {
  it('before any of its statements: the next start brings the database up to date, and nothing is lost', async () => {
    const count = await countStatements();
    expect(count).toBeGreaterThan(10);
    for (let statement = 1; statement <= count; statement++) await expectToRecover(statement);
  }, 900_000);
});
