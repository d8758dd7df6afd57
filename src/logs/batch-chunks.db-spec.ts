import fc from 'fast-check';
import { aTrafficRecord } from '../../test/support/a-traffic-record';
import { logStoreOf } from '../../test/support/log-stores';
import { createMigratedDatabase, type MigratedDatabase, readerOf } from '../../test/support/migrated-database';
import type { TrafficRecord } from '../mcp/traffic';
import { toMcpRows } from './mcp-row';
import type { MessageBatch } from './message-batch';
import { MessageContexts } from './message-contexts';
import { MessageBuffer } from './message-buffer';
import { widthOf } from './text-width';
import { carryPayload, PAYLOAD_CAP } from './payload-cap';
import { marginFor, Redaction } from './redaction';
import { giveWay } from './thread-priority';

jest.mock('./thread-priority', () => ({ ...jest.requireActual('./thread-priority'), giveWay: jest.fn() }));

const NOW = 1_790_000_000_000;
const SECRET = 'a-value-of-the-tool/1';

function aRedaction(): Redaction {
  const redaction = new Redaction();
  redaction.protect('t-2', [SECRET]);
  return redaction;
}

let firstId = 0;

function batchOf(records: readonly TrafficRecord[]): MessageBatch {
  const buffer = new MessageBuffer(16 * 1024 * 1024, new MessageContexts(), (firstId += 1_777));
  for (const record of records) {
    const { payload } = record;
    const { head, tail } = payload === null ? { head: null, tail: null } : carryPayload(payload, marginFor([SECRET]));
    buffer.add(record, head, tail, head === null ? 1 : widthOf(head, tail));
  }
  return buffer.batch;
}

/** Two log files, one of which is written by batches and the other one by rows. */
async function aPair() {
  const databases = [await createMigratedDatabase(), await createMigratedDatabase()] as const;
  const stores = [logStoreOf(databases[0]), logStoreOf(databases[1])] as const;
  const readers = [readerOf(databases[0]), readerOf(databases[1])] as const;
  const redaction = aRedaction();
  const asRows = (batch: MessageBatch) =>
    toMcpRows(batch, redaction).map((values) => ({ log: 'mcp' as const, values }));
  return {
    stores,
    redaction,
    asRows,
    write: async (batch: MessageBatch) => {
      const numbers = await stores[1].write(asRows(batch));
      return [await stores[0].writeMessages(batch, redaction), numbers.filter((seq) => seq !== null).length];
    },
    read: async (sql: string) => Promise.all(readers.map((reader) => reader.query({ sql, values: [] }))),
    close: async () => {
      for (const each of [...stores, ...readers]) await each.close();
      for (const each of databases) await each.drop();
    },
  };
}

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    ...[
      '{"token":"sekrit"}',
      `say ${SECRET}!`,
      JSON.stringify({ s: SECRET }),
      'a\0b',
      'für',
      'Bearer abcdefghijklmnop',
    ],
    ...['🎉', '{"jsonrpc":"2.0","id":7}', 'x'.repeat(PAYLOAD_CAP + 1), 'ü'.repeat(200_000)],
  ),
);
const message: fc.Arbitrary<Partial<TrafficRecord>> = fc.record({
  at: fc.integer({ min: NOW - 100_000, max: NOW }),
  toolId: fc.constantFrom('t-1', 't-2'),
  toolName: fc.constantFrom('weather', 'news'),
  sessionId: fc.constantFrom(null, 's-1', 's-2'),
  client: fc.constantFrom(null, 'a client', 'c'.repeat(300)),
  direction: fc.constantFrom('to-server', 'from-server'),
  kind: fc.constantFrom('request', 'response', 'error', 'notification'),
  method: fc.constantFrom(null, 'tools/call', 'm'.repeat(200)),
  target: fc.oneof(fc.constantFrom(null, SECRET, 'echo'), fc.string()),
  outcome: fc.constantFrom(null, 'ok', 'timeout'),
  rpcId: fc.oneof(text, fc.constantFrom(null, 0, -0, 1e21, 0.1, '7', 'seven'), fc.integer()),
  durationMs: fc.oneof(fc.constant(null), fc.double({ min: 0, max: 1e6, noNaN: true })),
  sizeBytes: fc.nat(),
  payload: fc.oneof(text, fc.constant(null)),
});

const WHAT_IS_STORED = [
  'SELECT * FROM mcp_log ORDER BY seq',
  'SELECT * FROM mcp_log_name ORDER BY 1, 2',
  'SELECT * FROM log_clock ORDER BY 1',
];
const WHAT_IS_COUNTED = [
  'SELECT * FROM mcp_rollup ORDER BY step, at, tool_id, tool_name, method, target',
  'SELECT * FROM log_rollup ORDER BY log, step, at, part',
  'SELECT * FROM log_rollup_mark ORDER BY log',
];

describe('a batch that is packed without becoming rows', () => {
  let db: MigratedDatabase;

  beforeAll(async () => {
    db = await createMigratedDatabase();
  });

  afterAll(() => db.drop());

  it('is left to its rows on PostgreSQL', async () => {
    if (db.target.type === 'sqlite') return;
    const store = logStoreOf(db);
    expect(await store.writeMessages(batchOf([aTrafficRecord()]), aRedaction())).toBeNull();
    await store.close();
  });

  it('is stored and counted as its rows are', async () => {
    if (db.target.type !== 'sqlite') return;
    const pair = await aPair();
    await fc.assert(
      fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 60 }), async (given) => {
        const written = await pair.write(batchOf(given.map((each) => aTrafficRecord(each))));
        expect(written).toEqual([given.length, given.length]);
      }),
      { numRuns: 60 },
    );
    for (const sql of WHAT_IS_STORED) {
      const [direct, rows] = await pair.read(sql);
      expect(direct).toEqual(rows);
    }
    for (const store of pair.stores) while (await store.rollUp());
    for (const sql of WHAT_IS_COUNTED) {
      const [direct, rows] = await pair.read(sql);
      expect(direct).toEqual(rows);
      expect(direct?.length).toBeGreaterThan(0);
    }
    await pair.close();
  });

  it('takes several chunks where it has many messages, or large ones', async () => {
    if (db.target.type !== 'sqlite') return;
    const pair = await aPair();
    const many = Array.from({ length: 1_300 }, (_, n) =>
      aTrafficRecord({ at: NOW + n, rpcId: n, sessionId: `s-${n % 40}`, payload: `{"id":${n},"text":"one of many"}` }),
    );
    await pair.write(batchOf(many));
    const large = Array.from({ length: 20 }, (_, n) =>
      aTrafficRecord({ at: NOW, rpcId: n, payload: 'y'.repeat(60_000) }),
    );
    await pair.write(batchOf(large));
    const [direct, rows] = await pair.read('SELECT rows, first, last, min_at, max_at FROM mcp_chunk ORDER BY first');
    expect(direct).toEqual(rows);
    expect(direct?.map(({ rows: count }) => count)).toEqual([512, 512, 276, 9, 9, 2]);
    const [all, expected] = await pair.read('SELECT * FROM mcp_log ORDER BY seq');
    expect(all).toEqual(expected);
    await pair.close();
  });

  it('lets other threads go first three times in a hundred messages, around each chunk, and when it is stored', async () => {
    if (db.target.type !== 'sqlite') return;
    const pair = await aPair();
    const turnsFor = async (count: number): Promise<number> => {
      const batch = batchOf(Array.from({ length: count }, () => aTrafficRecord({ at: NOW })));
      jest.mocked(giveWay).mockClear();
      await pair.stores[0].writeMessages(batch, pair.redaction);
      return jest.mocked(giveWay).mock.calls.length;
    };
    expect(await turnsFor(1)).toBeGreaterThanOrEqual(3);
    expect(await turnsFor(1_000)).toBeGreaterThanOrEqual(1 + 2 * 2 + Math.floor(1_000 / 33));
    await pair.close();
  });

  it('becomes rows where some of it may be stored, and where its times make no ids', async () => {
    if (db.target.type !== 'sqlite') return;
    const { stores, redaction, asRows, close } = await aPair();
    const batch = batchOf([aTrafficRecord({ at: NOW }), aTrafficRecord({ at: NOW })]);
    expect(await stores[0].writeMessages(batch, redaction)).toBe(2);
    expect(await stores[0].writeMessages(batch, redaction)).toBeNull();
    expect(await stores[0].write(asRows(batch))).toEqual([null, null]);
    for (const at of [-1, 0.5, 2 ** 48, NaN]) {
      expect(await stores[0].writeMessages(batchOf([aTrafficRecord({ at })]), redaction)).toBeNull();
    }
    await close();
  });
});
