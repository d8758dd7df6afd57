import type { ServerResponse } from 'node:http';
import { EventEmitter } from 'node:events';
import type { LogEntries, LogEntry, LogKind, LogPosition } from '../logs/log-entries';
import type { LogFollowing } from '../logs/log-feed';
import type { Principal } from '../auth/principal';
import { EventStream } from './event-stream';
import { EVENT_TYPES } from './event-types';
import { LogReplay } from './log-replay';
import { StreamFilter } from './stream-filter';

/** Rows by log as [number, time]; a reader that takes all. */
function aWorld(stored: Partial<Record<LogKind, [seq: number, at: number][]>>, here?: Partial<LogPosition>) {
  const written: string[] = [];
  const response = Object.assign(new EventEmitter(), {
    writableLength: 0,
    writeHead: () => undefined,
    write: (bytes: Buffer) => written.push(bytes.toString()) > 0,
  });
  const of = (log: LogKind) => stored[log] ?? [];
  const entries = {
    bounds: () => {
      const bounds = (log: LogKind) => ({ first: of(log)[0]?.[0] ?? 0, last: of(log).at(-1)?.[0] ?? 0 });
      return Promise.resolve({ mcp: bounds('mcp'), system: bounds('system'), operations: bounds('operations') });
    },
    between: (log: LogKind, { after, upTo, limit }: { after: number; upTo: number; limit: number }) => {
      const rows = of(log).filter(([seq]) => seq > after && seq <= upTo);
      const toEntry = ([seq, at]: [number, number]): LogEntry => ({ seq, at, toolId: 't', view: { at } });
      return Promise.resolve(rows.slice(0, limit).map(toEntry));
    },
  } as unknown as LogEntries;
  const last = (log: LogKind) => here?.[log] ?? of(log).at(-1)?.[0] ?? 0;
  const following = {
    position: { mcp: last('mcp'), system: last('system'), operations: last('operations') },
  } as unknown as LogFollowing;
  const filter = new StreamFilter(new Set(EVENT_TYPES), null, null);
  const stream = new EventStream({} as Principal, filter, response as unknown as ServerResponse, () => 0);
  stream.begin({});
  written.length = 0;
  const frames = () =>
    written
      .join('')
      .split('\n\n')
      .filter(Boolean)
      .map((block) => block.split('\n').map((line) => line.replace(/^\w+: /, '')));
  return { replay: new LogReplay(entries), stream, following, frames };
}

describe('a replay', () => {
  it('merges the logs by time, keeps the order of each, and its ids lead on from any event', async () => {
    const { replay, stream, following, frames } = aWorld({
      mcp: [
        [1, 10],
        [2, 30],
        [3, 20],
      ],
      system: [[7, 15]],
      operations: [[4, 40]],
    });
    stream.position = { mcp: 0, system: 6, operations: 3 };
    await replay.catchUp(stream, following);
    expect(frames()).toEqual([
      ['m1.s6.o3', 'log.mcp', '{"at":10}'],
      ['m1.s7.o3', 'log.system', '{"at":15}'],
      ['m2.s7.o3', 'log.mcp', '{"at":30}'],
      ['m3.s7.o3', 'log.mcp', '{"at":20}'],
      ['m3.s7.o4', 'log.operation', '{"at":40}'],
    ]);
    expect(stream.isLive).toBe(true);
  });

  it('has thousands of rows complete and in order, also where one log has many more than another', async () => {
    const mcp = Array.from({ length: 3_000 }, (_, n): [number, number] => [n + 1, n]);
    const system = Array.from({ length: 30 }, (_, n): [number, number] => [n + 1, n * 100]);
    const { replay, stream, following, frames } = aWorld({ mcp, system });
    await replay.catchUp(stream, following);
    const times = frames().map(([, , data]) => JSON.parse(data ?? '').at as number);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(times).toHaveLength(3_030);
  });

  it('says what is too much, and goes on from now in that log alone', async () => {
    const { replay, stream, following, frames } = aWorld({
      mcp: [[20_000, 1]],
      system: [
        [4, 1],
        [5, 2],
      ],
    });
    await replay.resume(stream, { mcp: 9_999, system: 4, operations: 0 }, following);
    await replay.catchUp(stream, following);
    expect(frames()).toEqual([
      ['m20000.s4.o0', 'gap', '{"type":"log.mcp","missed":10001}'],
      ['m20000.s5.o0', 'log.system', '{"at":2}'],
    ]);
  });

  it('says what was deleted meanwhile, and gives what is left', async () => {
    const { replay, stream, following, frames } = aWorld(
      {
        mcp: [
          [8, 1],
          [9, 2],
        ],
        operations: [],
      },
      { operations: 50 },
    );
    await replay.resume(stream, { mcp: 3, system: 0, operations: 40 }, following);
    await replay.catchUp(stream, following);
    expect(frames()).toEqual([
      ['m7.s0.o50', 'gap', '{"type":"log.mcp","missed":4}'],
      ['m7.s0.o50', 'gap', '{"type":"log.operation","missed":10}'],
      ['m8.s0.o50', 'log.mcp', '{"at":1}'],
      ['m9.s0.o50', 'log.mcp', '{"at":2}'],
    ]);
  });

  it('says that the numbers are not those of this log', async () => {
    const { replay, stream, following, frames } = aWorld({
      mcp: [
        [1, 1],
        [2, 2],
      ],
    });
    await replay.resume(stream, { mcp: 3, system: 0, operations: 0 }, following);
    await replay.catchUp(stream, following);
    expect(frames()).toEqual([['m2.s0.o0', 'gap', '{"type":"log.mcp","missed":null}']]);
  });
});
