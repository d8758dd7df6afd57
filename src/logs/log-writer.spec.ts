import { setImmediate as turn } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { aMessageBatch } from '../../test/support/a-message-batch';
import { anInProcessWriter } from '../../test/support/in-process-writer';
import { removeTemporaryFolders } from '../../test/support/temporary-folder';
import { DatabaseWriters } from '../database/database-writers';
import { LogWriter } from './log-writer';
import type { CommittedRow } from './log-writer.types';

const row = (id: string) => [id, 1_000, 1, 'Test', 'said', null, null];

describe('who listens to the log writer', () => {
  beforeAll(() => Logger.overrideLogger(false));
  afterAll(removeTemporaryFolders);

  it('is followed only when what was taken before is stored, so that nothing is between what it reads and hears', async () => {
    const { writer, store, writers } = anInProcessWriter();
    const heard: CommittedRow[] = [];
    const before = writer.writeRows([row('before')]);
    writer.onCommitted((rows) => heard.push(...rows));
    const following = writer.following();
    const after = writer.writeRows([row('after')]);
    await following;
    expect(store.system.length).toBeGreaterThanOrEqual(1);
    await Promise.all([before, after]);
    await turn();
    expect(heard.map(({ values }) => values[0])).toEqual(['after']);
    await writers.flushAll();
  });

  it('need not wait where no thread is at work, and hears what the next one writes', async () => {
    const { writer, writers } = anInProcessWriter();
    const heard: CommittedRow[] = [];
    const stop = writer.onCommitted((rows) => heard.push(...rows));
    await writer.following();
    await writer.writeRows([row('first')]);
    stop();
    await writer.writeRows([row('unheard')]);
    expect(heard.map(({ values }) => values[0])).toEqual(['first']);
    await writers.flushAll();
  });
});

describe('a log writer that rests', () => {
  beforeAll(() => Logger.overrideLogger(false));
  afterAll(removeTemporaryFolders);

  it('has stored what it was given, takes nothing, and goes on with what has come meanwhile', async () => {
    const { writer, store, writers } = anInProcessWriter();
    const before = writer.writeRows([row('before')]);
    const wake = await writer.rest();
    await before;
    expect(store.system).toHaveLength(1);
    let isWritten = false;
    const meanwhile = writer.writeRows([row('meanwhile')]).then(() => (isWritten = true));
    for (let turns = 0; turns < 20; turns++) await turn();
    expect([isWritten, store.system.length]).toEqual([false, 1]);
    wake();
    await meanwhile;
    expect(store.system).toHaveLength(2);
    await writers.flushAll();
  });
});

describe('a log writer whose thread does not end in time', () => {
  beforeAll(() => Logger.overrideLogger(false));
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('gives back what it had been given, so that it is not waited for without end', async () => {
    const stuck = { post: () => undefined, hold: () => undefined, end: () => Promise.resolve() };
    const writer = new LogWriter(() => stuck, new DatabaseWriters());
    const batch = writer.writeRows([row('a')]);
    const given = expect(batch).rejects.toThrow('was ended');
    const rested = writer.rest();
    await jest.advanceTimersByTimeAsync(3_000);
    await Promise.all([rested, given]);
  });
});

describe('the thread of a log writer', () => {
  beforeAll(() => Logger.overrideLogger(false));
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  /** A writer whose threads take everything at once, and how many of them live and have lived. */
  function aCountedWriter() {
    const threads = { started: 0, ended: 0 };
    const state = {
      ...{ written: { mcp: 0, system: 0 }, spooled: 0, spoolBytes: 0 },
      ...{ oldestAt: null, flushMs: 0, isRollingUp: false },
    };
    const writer = new LogWriter(({ onMessage }) => {
      threads.started++;
      return {
        post: (request) => {
          if (request.type === 'write') onMessage({ type: 'taken', batch: request.batch, state });
          if (request.type === 'close') threads.ended++;
        },
        hold: () => undefined,
        end: () => Promise.resolve(),
      };
    }, new DatabaseWriters());
    return { writer, threads };
  }

  it('ends when it has had nothing to do for ten seconds', async () => {
    const { writer, threads } = aCountedWriter();
    await writer.writeRows([row('a')]);
    jest.advanceTimersByTime(9_999);
    expect(threads).toEqual({ started: 1, ended: 0 });
    jest.advanceTimersByTime(1);
    expect(threads).toEqual({ started: 1, ended: 1 });
  });

  it('is not started anew for the questions to silent tools: messages tell of tools that run', async () => {
    const { writer, threads } = aCountedWriter();
    for (let minute = 0; minute < 10; minute++) {
      await writer.writeMessages(aMessageBatch());
      await writer.writeRows([row('a')]);
      jest.advanceTimersByTime(72_000);
    }
    expect(threads).toEqual({ started: 1, ended: 0 });
    jest.advanceTimersByTime(18_000);
    expect(threads).toEqual({ started: 1, ended: 1 });
  });

  it('is not started each minute where work comes each minute, and still ends when that is over', async () => {
    const { writer, threads } = aCountedWriter();
    for (let minute = 0; minute < 10; minute++) {
      await writer.writeRows([]);
      jest.advanceTimersByTime(60_000);
    }
    expect(threads).toEqual({ started: 2, ended: 1 });
    jest.advanceTimersByTime(30_000);
    expect(threads).toEqual({ started: 2, ended: 2 });
  });

  it('is as short-lived as the first one where work comes now and then', async () => {
    const { writer, threads } = aCountedWriter();
    for (let time = 0; time < 3; time++) {
      await writer.writeRows([row('a')]);
      jest.advanceTimersByTime(10_000);
      expect(threads.ended).toBe(threads.started);
      jest.advanceTimersByTime(120_000);
    }
    expect(threads.started).toBe(3);
  });
});
