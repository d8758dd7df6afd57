import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { aMessageBatch } from '../../test/support/a-message-batch';
import { MemoryLogStore } from '../../test/support/memory-log-store';
import { removeTemporaryFolders, temporaryFolder } from '../../test/support/temporary-folder';
import type { TrafficRecord } from '../mcp/traffic';
import { PLACE } from './log-batch';
import type { WriterMessage } from './log-writer.types';
import { Spool } from './spool';
import { WriterProgram } from './writer-program';

const RPC_ID = 10;
const LIMITS = { maxBytes: 1_000_000, segmentBytes: 10_000 };

function aWriter(given: { folder?: string; maxBytes?: number; backlog?: () => number } = {}) {
  const folder = given.folder ?? join(temporaryFolder(), 'spool');
  const store = new MemoryLogStore();
  const said: WriterMessage[] = [];
  const spool = new Spool(folder, { ...LIMITS, maxBytes: given.maxBytes ?? LIMITS.maxBytes });
  const program = new WriterProgram({ store, spool, say: (message) => said.push(message), now: () => 9_000 });
  let batch = 0;
  const write = (...records: Partial<TrafficRecord>[]) => {
    const content = { log: 'mcp', messages: aMessageBatch(...records) } as const;
    program.handle({ type: 'write', batch: ++batch, content, losses: [], backlog: given.backlog?.() ?? 0 });
  };
  const taken = () => said.filter(({ type }) => type === 'taken').length;
  const lost = () => said.flatMap((message) => (message.type === 'lost' ? message.losses : []));
  return { folder, store, spool, said, program, write, taken, lost };
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const ids = (store: MemoryLogStore) => store.mcp.map(({ rpcId }) => Number(rpcId));
const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);

describe('the program of the log writer', () => {
  beforeEach(() => jest.useFakeTimers());

  afterEach(() => {
    jest.useRealTimers();
    removeTemporaryFolders();
  });

  it('answers a batch once it is stored', async () => {
    const { store, said, write } = aWriter();
    write({ rpcId: 1 }, { rpcId: 2 });
    await pass(0);
    expect(ids(store)).toEqual([1, 2]);
    expect(said).toMatchObject([{ type: 'taken', batch: 1, state: { written: { mcp: 2 }, spooled: 0 } }]);
  });

  it('F47, F55: answers at once while the database is away, and brings all to it in order when it is back', async () => {
    const { store, spool, write, taken } = aWriter();
    store.failure = new Error('away');
    for (const n of range(1, 200)) write({ rpcId: n });
    await pass(0);
    expect(taken()).toBe(200);
    await pass(30_000);
    expect(store.mcp).toEqual([]);
    store.failure = null;
    for (const n of range(201, 210)) write({ rpcId: n });
    await pass(3_000);
    write({ rpcId: 211 });
    await pass(0);
    expect(ids(store)).toEqual(range(1, 211));
    expect(spool.isEmpty).toBe(true);
  });

  it('takes to the spool when more comes than the database can write, and keeps the order', async () => {
    let backlog = 0;
    const { store, spool, write } = aWriter({ backlog: () => backlog });
    write({ rpcId: 1 });
    backlog = 30_000;
    write({ rpcId: 2 }, { rpcId: 3 });
    await pass(0);
    expect([ids(store), spool.isEmpty]).toEqual([[1], false]);
    backlog = 0;
    write({ rpcId: 4 });
    await pass(1_000);
    expect([ids(store), spool.isEmpty]).toEqual([[1, 2, 3, 4], true]);
  });

  it('stores once what was stored although the answer got lost', async () => {
    const { store, write } = aWriter();
    store.losesAnswers = true;
    write({ rpcId: 1 }, { rpcId: 2 });
    await pass(1_000);
    store.losesAnswers = false;
    write({ rpcId: 3 });
    await pass(5_000);
    expect(ids(store)).toEqual([1, 2, 3]);
  });

  it('F57: first brings home what a killed run has left, then its own', async () => {
    const first = aWriter();
    first.store.failure = new Error('away');
    first.write({ rpcId: 1 }, { rpcId: 2 });
    await pass(0);
    const second = aWriter({ folder: first.folder });
    second.write({ rpcId: 3 });
    await pass(1_000);
    expect(ids(second.store)).toEqual([1, 2, 3]);
  });

  it('writes no secret to the spool', async () => {
    const { folder, store, program, write } = aWriter();
    store.failure = new Error('away');
    program.handle({ type: 'protect', toolId: 't-1', values: ['canary-value-1'] });
    write({ rpcId: 1, target: 'file:///canary-value-1', payload: '{"key":"canary-value-1"}' });
    await pass(200);
    const text = readdirSync(folder)
      .map((name) => readFileSync(join(folder, name), 'utf8'))
      .join('');
    expect(text).toContain('***');
    expect(text).not.toContain('canary');
  });

  it('F48, F64: leaves payloads out, then rows, where the spool is full, and says so in one row when there is room again', async () => {
    const { store, write, lost } = aWriter({ maxBytes: 20_000 });
    store.failure = new Error('away');
    const payload = 'x'.repeat(1_000);
    for (const n of range(1, 100)) write({ rpcId: n, at: n * 1_000, payload });
    await pass(60_000);
    store.failure = null;
    await pass(10_000);
    const shed = lost().filter(({ what }) => what === 'payload').length;
    const gone = lost().filter(({ what }) => what === 'record').length;
    expect(shed).toBeGreaterThan(3);
    expect(gone).toBeGreaterThan(50);
    expect(store.mcp).toHaveLength(100 - gone);
    expect(store.mcp.filter((row) => row.payload === null && row.truncated)).toHaveLength(shed);
    expect(ids(store)).toEqual(range(1, 100 - gone));
    expect(store.system).toMatchObject([
      {
        context: 'Recorder',
        severity: 2,
        message: expect.stringMatching(
          new RegExp(
            `^${gone} log records and the payloads of ${shed} more were lost from 1970-01-01T00:00:.* to 1970-01-01T00:01:40`,
          ),
        ),
      },
    ]);
    expect(JSON.parse(store.system[0]?.data ?? '')).toMatchObject({
      records: gone,
      lost: [
        { tool: 'weather', reason: 'spool_full', what: 'payload' },
        { tool: 'weather', reason: 'spool_full' },
      ],
    });
  });

  it('F48: goes on when not even the spool can be written, and recovers by itself', async () => {
    const { folder, store, write, lost, taken } = aWriter();
    // A file where the folder should be: any write fails, as on a full disk.
    writeFileSync(folder, '');
    store.failure = new Error('database or disk is full');
    for (const n of range(1, 10)) write({ rpcId: n });
    await pass(1_000);
    expect(taken()).toBe(10);
    expect(lost().map(({ reason }) => reason)).toEqual(Array.from({ length: 10 }, () => 'disk_full'));
    store.failure = null;
    rmSync(folder);
    write({ rpcId: 11 });
    await pass(5_000);
    expect(ids(store)).toEqual([11]);
    expect(store.system.map(({ message }) => message)).toEqual([expect.stringMatching(/^10 log records were lost/)]);
  });

  it('gives up a row that the database will never take, and no other', async () => {
    const { store, write, lost } = aWriter();
    store.refuses = ({ values }) => values[RPC_ID] === '7';
    write(...range(1, 20).map((rpcId) => ({ rpcId })));
    await pass(5_000);
    expect(ids(store)).toEqual(range(1, 20).filter((n) => n !== 7));
    expect(lost()).toMatchObject([{ reason: 'refused', count: 1 }]);
  });

  it('F65: counts lines of the spool that were damaged', async () => {
    const first = aWriter();
    first.store.failure = new Error('away');
    first.write({ rpcId: 1 }, { rpcId: 2 }, { rpcId: 3 });
    await pass(0);
    const file = join(first.folder, readdirSync(first.folder)[0] ?? '');
    writeFileSync(file, readFileSync(file, 'utf8').replace(',"2",', ',"9",'));
    const { store, lost } = aWriter({ folder: first.folder });
    await pass(5_000);
    expect(ids(store)).toEqual([1, 3]);
    expect(lost()).toMatchObject([{ reason: 'damaged', count: 1 }]);
    expect(store.system).toHaveLength(1);
  });

  it('makes no rows of messages for a store that packs them, unless they are followed or go by way of the spool', async () => {
    const { store, program, write, taken, said } = aWriter();
    store.packs = true;
    write({ rpcId: 1 }, { rpcId: 2 });
    await pass(0);
    expect([ids(store), store.packed.length]).toEqual([[1, 2], 1]);
    program.handle({ type: 'follow', on: true });
    write({ rpcId: 3 });
    program.handle({ type: 'follow', on: false });
    store.failure = new Error('away');
    write({ rpcId: 4 });
    await pass(0);
    store.failure = null;
    write({ rpcId: 5 });
    await pass(5_000);
    write({ rpcId: 6 });
    await pass(0);
    expect([ids(store), store.packed.length, taken()]).toEqual([[1, 2, 3, 4, 5, 6], 2, 5]);
    expect(said.at(-1)).toMatchObject({ type: 'taken', state: { written: { mcp: 6 }, spooled: 0 } });
  });

  it('tells rows after their commit, with their numbers, to who follows', async () => {
    const { said, store, program, write } = aWriter();
    write({ rpcId: 1 });
    program.handle({ type: 'follow', on: true });
    await pass(0);
    store.failure = new Error('away');
    write({ rpcId: 2 }, { rpcId: 3 });
    await pass(0);
    store.failure = null;
    await pass(1_000);
    const rows = said.flatMap((message) => (message.type === 'committed' ? message.rows : []));
    expect(rows.map(({ seq, values }) => [seq, values[RPC_ID]])).toEqual([
      [2, '2'],
      [3, '3'],
    ]);
    // Payloads are most of the bytes, and stay where they are stored.
    expect(rows.map(({ values }) => values[PLACE.payload])).toEqual([null, null]);
    expect(said.findIndex(({ type }) => type === 'following')).toBeLessThan(
      said.findIndex(({ type }) => type === 'committed'),
    );
  });

  it('leaves in the spool at its end what the database does not take', async () => {
    const { folder, store, said, program, write } = aWriter();
    store.failure = new Error('away');
    write({ rpcId: 1 });
    program.handle({ type: 'close' });
    await pass(1_000);
    expect(said.at(-1)?.type).toBe('closed');
    expect(store.isClosed).toBe(true);
    const next = aWriter({ folder });
    await pass(100);
    expect(ids(next.store)).toEqual([1]);
  });
});
