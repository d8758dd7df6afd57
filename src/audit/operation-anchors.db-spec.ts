import { createMigratedDatabase, type MigratedDatabase } from '../../test/support/migrated-database';
import { FakeClock } from '../../test/support/fake-clock';
import { SecretKeys } from '../config/secret-keys';
import { DatabaseInfo } from '../database/database-info';
import { type ChainVerdict, isSound } from './operation-chain';
import { OperationAnchor } from './operation-anchor.entity';
import { Events } from '../events/events';
import { Operation } from './operation.entity';
import { OperationLog } from './operation-log';
import { OperationPruner } from './operation-pruner';
import { OperationRepository } from './operation.repository';
import { OperationVerifier } from './operation-verifier';

const KEYS = new SecretKeys('master key of this test');
const NEVER = new AbortController().signal;

describe('the ends of the operation log', () => {
  let db: MigratedDatabase;
  let log: OperationLog;
  let pruner: OperationPruner;
  let verifier: OperationVerifier;

  const verify = (): Promise<ChainVerdict> => verifier.verify();
  const sql = (text: string) => db.dataSource.query(text);
  const append = async (count: number) => {
    for (let n = 0; n < count; n++) await log.append({ action: 'tool.start', outcome: 'success', changes: { n } });
  };
  const prune = async (seq: number) => {
    let deleted = 0;
    await pruner.deleteUpTo(seq, NEVER, (rows) => (deleted += rows));
    return deleted;
  };

  beforeAll(async () => {
    db = await createMigratedDatabase();
    const { dataSource, transactions } = db;
    const repository = new OperationRepository(dataSource.getRepository(Operation), new DatabaseInfo(dataSource));
    const clock = new FakeClock();
    log = new OperationLog(repository, transactions, KEYS, clock, new Events());
    pruner = new OperationPruner(repository, transactions, KEYS, clock);
    verifier = new OperationVerifier(repository, transactions, KEYS);
  });

  afterAll(() => db.drop());

  beforeEach(async () => {
    await db.dataSource.manager.clear(Operation);
    await db.dataSource.manager.clear(OperationAnchor);
    await append(30);
  });

  it('is sound while nobody has touched it, and when nothing was ever written', async () => {
    expect(await verify()).toEqual({ checked: 30, unverifiable: 0, firstBroken: null, missingAtEnd: 0 });
    await sql('DELETE FROM operation_log');
    await sql('DELETE FROM operation_anchors');
    expect(await verify()).toMatchObject({ checked: 0, missingAtEnd: 0 });
  });

  it('verifies from the signed anchor on after retention has deleted the oldest rows', async () => {
    expect(await prune(12)).toBe(12);
    expect(await verify()).toMatchObject({ checked: 18, firstBroken: null, missingAtEnd: 0 });
    await append(2);
    expect(await prune(20)).toBe(8);
    expect(await verify()).toMatchObject({ checked: 12, firstBroken: null, missingAtEnd: 0 });
  });

  it('goes on with the numbers and the chain when all rows were deleted', async () => {
    expect(await prune(30)).toBe(30);
    expect(await verify()).toMatchObject({ checked: 0, firstBroken: null, missingAtEnd: 0 });
    await append(1);
    const [row] = await db.dataSource.manager.find(Operation);
    expect(row?.seq).toBe(31);
    expect(await verify()).toMatchObject({ checked: 1, firstBroken: null, missingAtEnd: 0 });
  });

  it('deletes nothing but a beginning, and stops when it is asked to', async () => {
    const stopped = new AbortController();
    await append(200);
    await pruner.deleteUpTo(230, stopped.signal, () => stopped.abort());
    const left = await db.dataSource.manager.find(Operation, { order: { seq: 'ASC' } });
    expect(left[0]?.seq).toBe(101);
    expect(left).toHaveLength(130);
    expect(isSound(await verify())).toBe(true);
  });

  it('A24: finds rows that somebody else has cut off the beginning, with or without an anchor of theirs', async () => {
    await sql('DELETE FROM operation_log WHERE seq <= 5');
    expect(await verify()).toMatchObject({ firstBroken: { seq: 6 } });
    const [last] = await sql('SELECT prev_hash FROM operation_log WHERE seq = 6');
    const mac = 'f'.repeat(64);
    await sql(`INSERT INTO operation_anchors VALUES ('start', 5, '${last.prev_hash}', 0, '${mac}')`);
    expect(await verify()).toMatchObject({ firstBroken: { seq: 6 } });
  });

  it('A24: finds more rows gone than retention has deleted, and an anchor that was taken away', async () => {
    await prune(5);
    await sql('DELETE FROM operation_log WHERE seq <= 7');
    expect(await verify()).toMatchObject({ firstBroken: { seq: 8 } });
    await sql(`DELETE FROM operation_anchors WHERE place = 'start'`);
    expect(await verify()).toMatchObject({ firstBroken: { seq: 8 } });
  });

  it('A24: finds a truncated end, also after more was written', async () => {
    await sql('DELETE FROM operation_log WHERE seq > 26');
    expect(await verify()).toMatchObject({ checked: 26, firstBroken: null, missingAtEnd: 4 });
    await append(3);
    const verdict = await verify();
    expect(verdict).toMatchObject({ firstBroken: { seq: 31 } });
    expect(isSound(verdict)).toBe(false);
  });

  it('A24: finds an end whose anchor was cut to fit, or taken away', async () => {
    await sql('DELETE FROM operation_log WHERE seq > 26');
    await sql(`UPDATE operation_anchors SET seq = 26 WHERE place = 'end'`);
    expect(await verify()).toMatchObject({ firstBroken: null, missingAtEnd: null });
    await sql('DELETE FROM operation_anchors');
    expect(isSound(await verify())).toBe(false);
    // And nobody signs in silence what is left.
    await append(1);
    expect(isSound(await verify())).toBe(false);
  });

  it('signs the end of a log of an older version once, and leaves a row that says so', async () => {
    await sql('DELETE FROM operation_anchors');
    await log.onApplicationBootstrap();
    await log.onApplicationBootstrap();
    const signed = await db.dataSource.manager.findBy(Operation, { action: 'operations.sign' });
    expect(signed.map(({ seq }) => seq)).toEqual([31]);
    expect(isSound(await verify())).toBe(true);
  });

  it('stays sound while rows are written, deleted and verified at once', async () => {
    const verdicts = await Promise.all([append(20), prune(25), ...Array.from({ length: 5 }, verify)]);
    expect(verdicts.slice(2).every((verdict) => isSound(verdict as ChainVerdict))).toBe(true);
    expect(await verify()).toMatchObject({ checked: 25, firstBroken: null, missingAtEnd: 0 });
  });
});
