import BetterSqlite3 from 'better-sqlite3';
import { BatchIds, newId } from '../common/ids';
import type { ChunkQuery } from './chunk-query';
import { registerChunkRows, rowsOfChunk, type MessageRow } from './chunk-rows';
import type { PackedChunk } from './chunk-packing';
import { InvalidMessageError, type NumberedMessage, packChunks } from './message-chunk';
import type { MessageValues } from './message-columns';

const AT = 1_764_000_000_000;

function message(more: Partial<Record<number, string | number | null>> = {}): MessageValues {
  const values: (string | number | null)[] = [
    ...[newId(), AT, 'tool-1', 'echo', 'session-1', 'a client', 'to-server', 'request', 'tools/call', 'say', '7'],
    ...[null, null, 42, 0, '{"jsonrpc":"2.0"}'],
  ];
  for (const [place, value] of Object.entries(more)) values[Number(place)] = value ?? null;
  return values;
}

const numbered = (list: MessageValues[], first = 1): NumberedMessage[] =>
  list.map((values, place) => ({ seq: first + place, values }));

/** The buffers of a chunk are used again for the next one. */
const kept = (chunk: PackedChunk): PackedChunk => ({
  ...chunk,
  cells: Buffer.from(chunk.cells),
  payloads: Buffer.from(chunk.payloads),
});

function packed(messages: NumberedMessage[]): PackedChunk[] {
  const chunks: PackedChunk[] = [];
  for (const chunk of packChunks(messages)) chunks.push(kept(chunk));
  return chunks;
}

function unpacked(chunks: PackedChunk[], query: ChunkQuery = {}): MessageRow[] {
  return chunks.flatMap((chunk) => [...rowsOfChunk(chunk, query)]);
}

describe('a chunk of messages', () => {
  it('gives back what was put in, in either order', () => {
    const ids = new BatchIds();
    const list = [
      message(),
      message({ 0: ids.of(AT, 5), 4: null, 5: null, 8: null, 9: null, 10: null, 15: null }),
      message({ 0: ids.of(AT + 1, 4_095), 1: AT + 1, 10: '"seven"', 11: 'ok', 12: 0.125, 14: 1, 15: 'für 你 🎉' }),
      message({ 10: '1e3', 12: 0, 15: '' }),
      message({ 10: '-0', 4: 'session-2' }),
      message({ 0: 'no uuid at all' }),
    ];
    const rows = list.map((values, place) => [place + 10, ...values]);
    const chunks = packed(numbered(list, 10));
    expect(chunks).toHaveLength(1);
    expect(chunks[0]).toMatchObject({ first: 10, last: 15, rows: 6, minAt: AT, maxAt: AT + 1, maxMs: 0.125 });
    expect(unpacked(chunks)).toEqual(rows);
    expect(unpacked(chunks, { order: 'desc' })).toEqual(rows.toReversed());
  });

  it('keeps numbers that have gaps', () => {
    const chunks = packed([3, 7, 8].map((seq) => ({ seq, values: message() })));
    expect(unpacked(chunks).map(([seq]) => seq)).toEqual([3, 7, 8]);
    expect(chunks[0]).toMatchObject({ first: 3, last: 8, rows: 3 });
  });

  it('is one of several where there are many or large messages', () => {
    const many = packed(numbered(Array.from({ length: 1_200 }, () => message())));
    expect(many.map(({ rows }) => rows)).toEqual([512, 512, 176]);
    const large = packed(numbered(Array.from({ length: 12 }, () => message({ 15: '{}'.repeat(60_000) }))));
    expect(large.map(({ rows }) => rows)).toEqual([5, 5, 2]);
    expect(unpacked(large).map((row) => String(row[16]).length)).toEqual(Array(12).fill(120_000));
  });

  it('gives back what was compressed, finds texts in it, and lists what is damaged without its payloads', () => {
    const list = Array.from({ length: 300 }, (_, n) =>
      message({ 10: String(n), 15: `{"text":"number ${n} of many"}` }),
    );
    const chunks = packed(numbered(list));
    const [chunk] = chunks;
    if (!chunk) throw new Error('There is no chunk');
    expect(chunk.payloads.length * 4).toBeLessThan(String(list.map(([, ...rest]) => rest.at(-1))).length);
    expect(unpacked(chunks)).toEqual(list.map((values, place) => [place + 1, ...values]));
    expect(unpacked(chunks, { search: 'NUMBER 77 of' }).map(([seq]) => seq)).toEqual([78]);
    const damaged = [{ ...chunk, payloads: chunk.payloads.subarray(0, 50) }];
    expect(unpacked(damaged)).toEqual(list.map((values, place) => [place + 1, ...values.slice(0, -1), null]));
    expect(unpacked(damaged, { search: 'number' })).toEqual([]);
  });

  it('gives those that are asked for alone', () => {
    const list = [
      message(),
      message({ 2: 'tool-2', 3: 'other', 6: 'from-server', 7: 'response', 11: 'ok', 12: 12.5, 1: AT + 5 }),
      message({ 4: null, 7: 'notification', 8: 'notifications/progress', 9: null, 10: null, 1: AT + 9 }),
    ];
    const chunks = packed(numbered(list));
    const seqs = (query: ChunkQuery) => unpacked(chunks, query).map(([seq]) => seq);
    expect(seqs({ toolId: 'tool-2' })).toEqual([2]);
    expect(seqs({ toolName: 'echo' })).toEqual([1, 3]);
    expect(seqs({ scope: ['tool-2', 'tool-3'] })).toEqual([2]);
    expect(seqs({ scope: [] })).toEqual([]);
    expect(seqs({ sessionId: 'session-1' })).toEqual([1, 2]);
    expect(seqs({ sessionId: null })).toEqual([3]);
    expect(seqs({ direction: 'to-server' })).toEqual([1, 3]);
    expect(seqs({ kinds: ['response', 'error'] })).toEqual([2]);
    expect(seqs({ method: 'tools/call' })).toEqual([1, 2]);
    expect(seqs({ target: 'say' })).toEqual([1, 2]);
    expect(seqs({ rpcId: '7' })).toEqual([1, 2]);
    expect(seqs({ minDurationMs: 12.5 })).toEqual([2]);
    expect(seqs({ from: AT + 5, to: AT + 9 })).toEqual([2]);
    expect(seqs({ first: 2, last: 2 })).toEqual([2]);
    expect(seqs({ id: String(list[1]?.[0]) })).toEqual([2]);
    expect(unpacked(chunks, { payload: false }).map((row) => row[16])).toEqual([null, null, null]);
  });

  it('says by what it can be found', () => {
    const ids = new BatchIds();
    const list = [
      message({ 0: ids.of(AT, 1), 12: 9.9 }),
      message({ 7: 'error', 8: 'prompts/get', 0: 'odd', 9: null, 12: 100 }),
    ];
    expect(packed(numbered(list))[0]?.keys.sort()).toEqual(
      [
        ...['t:tool-1', 's:session-1', 'g:say', 'm:prompts/get', 'k:error', 'd:10', 'd:100'],
        ...[`b:${ids.of(AT, 1).slice(18)}`, 'i:odd'],
      ].sort(),
    );
  });

  it.each([
    ['an id', { 0: null }],
    ['a time', { 1: null }],
    ['a tool', { 2: null }],
    ['a kind', { 7: null }],
    ['a session that is a text', { 4: 7 }],
    ['a size', { 13: 'large' }],
  ])('is refused without %s', (_, more) => {
    expect(() => packed(numbered([message(more)]))).toThrow(InvalidMessageError);
  });

  it('is a table behind the chunks of a connection', () => {
    const database = new BetterSqlite3(':memory:');
    let looks = 0;
    registerChunkRows(database, () => looks++);
    database.exec('CREATE TABLE mcp_chunk (first INTEGER PRIMARY KEY, head, cells, payloads)');
    const insert = database.prepare('INSERT INTO mcp_chunk VALUES (?, ?, ?, ?)');
    for (const { first, head, cells, payloads } of packChunks(numbered(Array.from({ length: 600 }, () => message())))) {
      insert.run(first, head, cells, payloads);
    }
    const rows = database
      .prepare(
        `SELECT m.seq, m.payload FROM mcp_chunk AS c CROSS JOIN mcp_rows(c.first, c.head, c.cells, c.payloads, ?) AS m
        ORDER BY c.first DESC LIMIT 3`,
      )
      .raw()
      .all('{"order":"desc"}');
    expect(rows).toEqual([600, 599, 598].map((seq) => [seq, '{"jsonrpc":"2.0"}']));
    // The other chunk is not unpacked.
    expect(looks).toBe(1);
  });

  it('finds a text of ASCII in one payload, not across two of them, the case of its letters ignored', () => {
    const texts = ['für SNOW', null, 'no', 'thing', 'snow snow', '', 'Schnee', 'a.b'];
    const chunks = packed(numbered(texts.map((text) => message({ 15: text }))));
    const seqs = (search: string, more: ChunkQuery = {}) => unpacked(chunks, { search, ...more }).map(([seq]) => seq);
    expect(seqs('snow')).toEqual([1, 5]);
    expect(seqs('Snow', { order: 'desc' })).toEqual([5, 1]);
    expect(seqs('nothing')).toEqual([]);
    expect(seqs('N')).toEqual([1, 3, 4, 5, 7]);
    expect(seqs('a.b')).toEqual([8]);
    expect(seqs('a+b')).toEqual([]);
    expect(seqs('snow', { toolId: 'another' })).toEqual([]);
    expect(seqs('snow', { payload: false })).toEqual([1, 5]);
  });

  it('tells by a look into it that it has nothing that is asked for', () => {
    const database = new BetterSqlite3(':memory:');
    registerChunkRows(database);
    const [chunk] = packed(
      numbered([
        message({ 3: 'a "quoted" [name]', 9: 'C:\\dir, (1)' }),
        message({ 2: 'tool-2', 4: null, 7: 'response', 6: 'from-server', 12: 250.5 }),
      ]),
    );
    const has = (query: ChunkQuery) =>
      database.prepare('SELECT mcp_has(?, ?, ?)').pluck().get(chunk?.head, chunk?.cells, JSON.stringify(query));
    for (const query of [
      {},
      { first: 99 },
      { toolId: 'tool-1', toolName: 'a "quoted" [name]', target: 'C:\\dir, (1)' },
      { sessionId: null, kinds: ['error', 'response'] },
      { toolId: 'tool-2', minDurationMs: 250.5 },
      { scope: ['tool-3', 'tool-2'], direction: 'from-server', method: 'tools/call' },
    ]) {
      expect({ query, has: has(query) }).toEqual({ query, has: 1 });
    }
    for (const query of [
      { toolId: 'tool-' },
      { toolId: 'tool-1', kinds: ['response'] },
      { sessionId: null, direction: 'to-server' },
      { target: 'C:.dir, (1)' },
      { toolId: 'tool-1', minDurationMs: 1 },
      { toolId: 'tool-2', minDurationMs: 251 },
      { scope: ['tool-3'] },
      { toolId: 'say' },
    ]) {
      expect({ query, has: has(query) }).toEqual({ query, has: 0 });
    }
  });
});
