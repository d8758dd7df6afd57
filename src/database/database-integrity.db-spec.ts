import { closeSync, openSync, writeSync } from 'node:fs';
import { describeOn } from '../../test/support/describe-on';
import { FakeClock } from '../../test/support/fake-clock';
import { createMigratedDatabase, type MigratedDatabase, readerOf } from '../../test/support/migrated-database';
import { DatabaseInfo } from './database-info';
import { DatabaseIntegrity } from './database-integrity';
import type { Reader } from './reader';

const LIMIT_MS = 30_000;

describeOn('sqlite', 'F52: the pages of the database', () => {
  let db: MigratedDatabase;
  let reader: Reader;
  let integrity: DatabaseIntegrity;
  beforeEach(async () => {
    db = await createMigratedDatabase();
    reader = readerOf(db);
    integrity = new DatabaseIntegrity(reader, new DatabaseInfo(db.dataSource), new FakeClock());
  });
  afterEach(async () => {
    await reader.close();
    // Damaged as it is, it can't be opened again to be closed.
    await (db.dataSource.isInitialized ? db.drop() : db.database.drop());
  });

  it('are sound as we write them', async () => {
    expect(integrity.current).toEqual({ ok: null, checkedAt: null, problems: [] });
    expect(await integrity.check(LIMIT_MS)).toEqual({ ok: true, checkedAt: new FakeClock().now(), problems: [] });
  });

  it('are found damaged when bits of them have flipped', async () => {
    const rows = Array.from({ length: 500 }, (_, n) => `('s-${n}', 60, ${n}, '${'x'.repeat(200)}')`);
    await db.dataSource.query(`INSERT INTO metric_points (series, step_seconds, at, data) VALUES ${rows.join(', ')}`);
    await db.dataSource.query('PRAGMA wal_checkpoint(TRUNCATE)');
    await db.dataSource.destroy();
    const { file } = db.target as { file: string };
    const descriptor = openSync(file, 'r+');
    for (const page of [20, 21, 22, 23, 24, 25, 26, 27, 28])
      writeSync(descriptor, Buffer.alloc(300, 0xa5), 0, 300, page * 4_096);
    closeSync(descriptor);
    const { ok, problems } = await integrity.check(LIMIT_MS);
    expect(ok).toBe(false);
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.length).toBeLessThanOrEqual(5);
    expect(integrity.current.ok).toBe(false);
  });
});

describeOn('postgres', 'the pages of PostgreSQL', () => {
  it('are not looked at by us: it has checksums of its own', async () => {
    const db = await createMigratedDatabase();
    const integrity = new DatabaseIntegrity(readerOf(db), new DatabaseInfo(db.dataSource), new FakeClock());
    expect(integrity.isChecked).toBe(false);
    await db.drop();
  });
});
