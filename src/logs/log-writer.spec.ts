import { setImmediate as turn } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { anInProcessWriter } from '../../test/support/in-process-writer';
import { removeTemporaryFolders } from '../../test/support/temporary-folder';
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
