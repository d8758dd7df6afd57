import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { removeTemporaryFolders, temporaryFolder } from '../../test/support/temporary-folder';
import { Ballast } from './ballast';

describe('the ballast', () => {
  afterEach(removeTemporaryFolders);

  it('is held once, for its owner alone, and thrown off once', () => {
    const file = join(temporaryFolder(), 'logs.db.ballast');
    const ballast = new Ballast(file, 100_000);
    expect(ballast.release()).toBe(false);
    ballast.hold();
    ballast.hold();
    expect(statSync(file).size).toBe(100_000);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(file).blocks * 512).toBeGreaterThanOrEqual(100_000);
    expect([ballast.release(), ballast.release()]).toEqual([true, false]);
  });

  it('is not taken on where it would take the room that is left, and harms nobody where it can not be written', () => {
    const file = join(temporaryFolder(), 'logs.db.ballast');
    new Ballast(file, Number.MAX_SAFE_INTEGER).hold();
    expect(statSync(file, { throwIfNoEntry: false })).toBeUndefined();
    mkdirSync(file);
    const ballast = new Ballast(file, 1_000);
    ballast.hold();
    expect(ballast.release()).toBe(false);
  });
});
