import { setImmediate as turn } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { waitUntil } from '../../test/support/process-tree';
import { Events } from '../events/events';
import type { LogEntries, LogEntry, LogKind } from './log-entries';
import { LogFollowing } from './log-feed';
import type { CommittedListener, LogWriter } from './log-writer';
import type { CommittedRow } from './log-writer.types';

const entry = (seq: number): LogEntry => ({ seq, at: seq, toolId: null, view: {} });
const rows = (...numbers: number[]): CommittedRow[] => numbers.map((seq) => ({ log: 'mcp', seq, values: [] }));

/** Logs in memory: what is stored, and what their writer tells. */
class World {
  readonly stored: Record<LogKind, number[]> = { mcp: [], system: [], operations: [] };
  readonly heard: [LogKind, number[]][] = [];
  readonly events = new Events();
  readonly following: LogFollowing;
  reads = 0;
  failure: Error | null = null;
  confirm: () => void = () => undefined;
  private told: CommittedListener = () => undefined;

  constructor(stored: number[] = []) {
    this.stored.mcp = stored;
    const writer = {
      onCommitted: (listener: CommittedListener) => {
        this.told = listener;
        return () => (this.told = () => undefined);
      },
      following: () => new Promise<void>((resolve) => (this.confirm = resolve)),
    } as unknown as LogWriter;
    const bounds = (log: LogKind) => ({ first: this.stored[log][0] ?? 0, last: this.stored[log].at(-1) ?? 0 });
    const entries = {
      bounds: () => Promise.resolve({ mcp: bounds('mcp'), system: bounds('system'), operations: bounds('operations') }),
      between: async (log: LogKind, { after, limit }: { after: number; limit: number }) => {
        this.reads++;
        await turn();
        if (this.failure) throw this.failure;
        return this.stored[log]
          .filter((seq) => seq > after)
          .slice(0, limit)
          .map(entry);
      },
      told: ({ seq }: CommittedRow) => entry(seq),
    } as unknown as LogEntries;
    this.following = new LogFollowing(writer, entries, this.events, (log, all) => {
      this.heard.push([log, all.map(({ seq }) => seq)]);
    });
  }

  commit(...numbers: number[]): void {
    this.stored.mcp.push(...numbers);
    this.told(rows(...numbers));
  }

  get numbers(): number[] {
    return this.heard.flatMap(([, all]) => all);
  }

  async settled(): Promise<void> {
    for (let n = 0; n < 20; n++) await turn();
  }
}

describe('who follows a log', () => {
  beforeAll(() => Logger.overrideLogger(false));
  const worlds: World[] = [];
  const aWorld = async (stored: number[] = []) => {
    const world = new World(stored);
    worlds.push(world);
    world.confirm();
    await world.following.ready;
    return world;
  };
  afterEach(() => {
    for (const { following } of worlds.splice(0)) following.stop();
  });

  it('hears of each row after its beginning, as it is told, without reading', async () => {
    const world = await aWorld([1, 2, 3]);
    expect(world.following.position).toEqual({ mcp: 3, system: 0, operations: 0 });
    world.commit(4, 5);
    world.commit(6);
    expect(world.heard).toEqual([
      ['mcp', [4, 5]],
      ['mcp', [6]],
    ]);
    expect(world.reads).toBe(0);
  });

  it('hears of rows that were told before it knew where it begins, if they are behind that', async () => {
    const world = new World([1, 2]);
    worlds.push(world);
    world.commit(3);
    world.confirm();
    await world.following.ready;
    world.commit(4);
    await world.settled();
    expect(world.following.position.mcp).toBe(4);
    expect(world.numbers).toEqual([4]);
  });

  it('reads what was committed and not told: a thread that ended in between', async () => {
    const world = await aWorld([1]);
    world.stored.mcp.push(2, 3);
    world.commit(4);
    world.commit(5);
    await world.settled();
    expect(world.numbers).toEqual([2, 3, 4, 5]);
  });

  it('is not irritated by numbers that were left out', async () => {
    const world = await aWorld([1]);
    world.commit(5);
    await world.settled();
    world.commit(6);
    expect(world.numbers).toEqual([5, 6]);
  });

  it('goes on where numbers begin again because all rows were deleted', async () => {
    const world = await aWorld([1, 2, 3]);
    world.commit(4);
    world.stored.mcp.length = 0;
    world.commit(1, 2);
    await world.settled();
    world.commit(3);
    expect(world.numbers).toEqual([4, 1, 2, 3]);
  });

  it('reads more than one page, and what comes while it reads', async () => {
    const world = await aWorld();
    world.stored.operations.push(...Array.from({ length: 1_200 }, (_, n) => n + 1));
    world.events.tell('operation.recorded', { seq: 1_200 });
    await turn();
    world.stored.operations.push(1_201);
    world.events.tell('operation.recorded', { seq: 1_201 });
    await world.settled();
    expect(world.numbers).toEqual(world.stored.operations);
  });

  it('tries again while the database is away', async () => {
    const world = await aWorld();
    world.failure = new Error('away');
    world.stored.operations.push(1);
    world.events.tell('operation.recorded', { seq: 1 });
    await world.settled();
    expect(world.numbers).toEqual([]);
    world.failure = null;
    await waitUntil(() => world.numbers.length > 0, { what: 'it has tried again' });
    expect(world.numbers).toEqual([1]);
  });

  it('hears nothing more once it has stopped', async () => {
    const world = await aWorld();
    world.following.stop();
    world.commit(1);
    world.events.tell('operation.recorded', { seq: 1 });
    await world.settled();
    expect(world.heard).toEqual([]);
  });
});
