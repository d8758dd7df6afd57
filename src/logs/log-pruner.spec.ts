import { aMessageBatch } from '../../test/support/a-message-batch';
import { anInProcessWriter } from '../../test/support/in-process-writer';
import { removeTemporaryFolders } from '../../test/support/temporary-folder';
import { BATCH_ROWS } from './message-batch';
import { LogPruner } from './log-pruner';

const NEVER = new AbortController().signal;

async function aFilledLog(messages: number, lines: number) {
  const made = anInProcessWriter();
  for (let n = 0; n < messages; n += BATCH_ROWS) {
    const batch = Array.from({ length: Math.min(BATCH_ROWS, messages - n) }, (_, row) => n + row);
    await made.writer.writeMessages(aMessageBatch(...batch.map((row) => ({ at: 1_000 + row * 10, payload: null }))));
  }
  await made.writer.writeRows(
    Array.from({ length: lines }, (_, n) => [`s-${n}`, 1_005 + n * 10, 1, null, 'text', null, null]),
  );
  const deleted = { mcp: 0, system: 0 };
  const onDeleted = (log: 'mcp' | 'system', rows: number) => void (deleted[log] += rows);
  const sizes = () => made.store.upkeeps.flatMap((work) => (work.task === 'delete' && work.limit ? [work.limit] : []));
  return { ...made, pruner: new LogPruner(made.writer), deleted, onDeleted, sizes };
}

describe('the pruner of the logs', () => {
  afterEach(removeTemporaryFolders);

  it('deletes what is of before a time, and no more than it may', async () => {
    const { pruner, store, deleted, onDeleted } = await aFilledLog(1_000, 5);
    expect(await pruner.deleteBefore('mcp', 1_000 + 400 * 10, 250, NEVER, onDeleted)).toBe(true);
    expect(deleted).toEqual({ mcp: 250, system: 0 });
    expect(await pruner.deleteBefore('mcp', 1_000 + 400 * 10, Infinity, NEVER, onDeleted)).toBe(false);
    expect([store.mcp.length, store.mcp[0]?.at, store.system.length]).toEqual([600, 5_000, 5]);
    expect(await pruner.deleteBefore('system', 0, Infinity, NEVER, onDeleted)).toBe(false);
    expect(store.system).toHaveLength(5);
  });

  it('takes smaller pieces where a piece takes long, and larger ones where it does not', async () => {
    const { pruner, store, sizes, onDeleted } = await aFilledLog(3_000, 0);
    await pruner.deleteBefore('mcp', 1_000 + 1_000 * 10, Infinity, NEVER, onDeleted);
    expect(sizes().slice(0, 3)).toEqual([100, 120, 144]);
    store.upkeepMs = 400;
    store.upkeeps.length = 0;
    await pruner.deleteBefore('mcp', 1_000 + 1_200 * 10, Infinity, NEVER, onDeleted);
    expect(sizes().slice(0, 3)).toEqual([100, 20, 20]);
  });

  it('deletes the oldest of both logs until they take less than they may', async () => {
    const { pruner, store, deleted, onDeleted } = await aFilledLog(2_000, 2_000);
    await pruner.shrinkTo(1_000_000, NEVER, onDeleted);
    expect(store.stored.length).toBeLessThanOrEqual(950);
    expect(store.stored.length).toBeGreaterThan(900);
    expect(deleted.mcp + deleted.system).toBe(4_000 - store.stored.length);
    expect(Math.abs(Number(store.mcp[0]?.at) - Number(store.system[0]?.at))).toBeLessThan(20_000);
    const before = store.stored.length;
    await pruner.shrinkTo(1_000_000, NEVER, onDeleted);
    expect(store.stored).toHaveLength(before);
  });

  it('lets batches that come meanwhile between, and stops when it is asked to', async () => {
    const { pruner, writer, store, onDeleted } = await aFilledLog(1_000, 0);
    const stop = new AbortController();
    const work = pruner.deleteBefore('mcp', 1_000_000, Infinity, stop.signal, (log, rows) => {
      onDeleted(log, rows);
      stop.abort();
    });
    await writer.writeMessages(aMessageBatch({ at: 2_000_000 }));
    expect(await work).toBe(true);
    expect(store.mcp).toHaveLength(901);
  });
});
