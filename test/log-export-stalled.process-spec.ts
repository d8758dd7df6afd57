import { join } from 'node:path';
import { logDatabaseFile } from '../src/database/log-database';
import { SqliteLogStore } from '../src/logs/sqlite-log.repository';
import { scratchFolder } from './support/built-program';
import { exportWhileStalled } from './support/stalled-export';

const ROWS = 200_000;
const MIB = 1024 * 1024;

describe('an export of 200,000 messages whose reader does not read for a while', () => {
  const folder = scratchFolder();
  afterAll(() => folder.remove());

  it('waits for it with a few megabytes in memory, and then comes whole and in order', async () => {
    const openStore = () => new SqliteLogStore(logDatabaseFile(join(folder.path, 'data/mcps.db')));
    const found = await exportWhileStalled(folder.path, {}, { openStore, rows: ROWS });
    expect([found.lines, found.disordered]).toEqual([ROWS, 0]);
    expect(found.bytes).toBeGreaterThan(100 * MIB);
    // What sockets hold, which is the system's.
    expect(found.bytesWhileStalled).toBeLessThan(20 * MIB);
    expect(found.grownWhileStalled).toBeLessThan(60 * MIB);
    expect(found.grownMost).toBeLessThan(90 * MIB);
  }, 240_000);
});
