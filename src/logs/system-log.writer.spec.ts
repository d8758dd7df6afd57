import { Logger } from '@nestjs/common';
import { anInProcessWriter } from '../../test/support/in-process-writer';
import { removeTemporaryFolders } from '../../test/support/temporary-folder';
import { AppLogger } from '../common/app-logger';
import { SystemLogWriter } from './system-log.writer';

function aWriter() {
  const { store, writer, writers } = anInProcessWriter();
  const log = new AppLogger('debug', () => 5_000);
  return { store, log, writers, lines: writer, writer: new SystemLogWriter(log, writer) };
}

const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);

describe('the writer of the system log', () => {
  let stderr: jest.SpiedFunction<typeof process.stderr.write>;

  beforeEach(() => {
    jest.useFakeTimers();
    stderr = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  });

  afterEach(() => {
    stderr.mockRestore();
    Logger.overrideLogger(false);
    removeTemporaryFolders();
    jest.useRealTimers();
  });

  it('stores what was said, from the first line on, and no stack', async () => {
    const { store, log, writer } = aWriter();
    log.log('before the database was open', 'Main');
    writer.onModuleInit();
    log.error('It failed', new Error('broken'), { tool: 'weather' }, 'Tools');
    await pass(200);
    expect(store.system).toMatchObject([
      { seq: 1, at: 5_000, severity: 1, context: 'Main', message: 'before the database was open', data: null },
      { seq: 2, severity: 3, context: 'Tools', message: 'It failed', data: '{"tool":"weather"}' },
    ]);
    expect(JSON.stringify(store.system)).not.toContain('broken');
  });

  it('cuts what the columns can not take and leaves out what no database can', async () => {
    const { store, log, writer } = aWriter();
    writer.onModuleInit();
    log.log('a\0b'.padEnd(100_000, 'x'), { text: 'c\0d' }, 'C'.repeat(500));
    await pass(200);
    const [row] = store.system;
    expect(row?.message).toHaveLength(16_384);
    expect(row?.context).toHaveLength(100);
    expect(`${row?.message}${row?.data}`).not.toContain('\0');
  });

  it('says once on stderr that lines can not be handed over, never in the log itself', async () => {
    const { log, writer, lines } = aWriter();
    writer.onModuleInit();
    jest.spyOn(lines, 'writeRows').mockRejectedValue(new Error('gone'));
    log.log('one');
    await pass(10_000);
    expect(stderr.mock.calls).toEqual([[expect.stringMatching(/^The system log could not be handed .*gone\n$/)]]);
  });

  it('does not feed itself: a writer in trouble for hours says so in a few lines', async () => {
    const { store, log, writer } = aWriter();
    Logger.overrideLogger(log);
    writer.onModuleInit();
    store.failure = new Error('away');
    log.log('one');
    for (let minute = 0; minute < 60; minute++) {
      await pass(30_000);
      store.failure = null;
      await pass(30_000);
      store.failure = new Error('away');
      log.log('and another');
    }
    store.failure = null;
    await pass(10_000);
    const own = store.system.filter(({ context }) => context === 'Recorder');
    expect(own.length).toBeGreaterThan(0);
    expect(own.length).toBeLessThanOrEqual(2 * 61);
    expect(store.system.filter(({ message }) => message === 'and another')).toHaveLength(60);
  });

  it('survives facts that can not be written as JSON', async () => {
    const { store, log, writer } = aWriter();
    writer.onModuleInit();
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    log.log('odd', circle);
    await pass(200);
    expect(store.system[0]?.data).toMatch(/circular/);
  });

  it('stores what was said before the database closes and nothing after', async () => {
    const { store, log, writers, writer } = aWriter();
    writer.onModuleInit();
    log.log('last words');
    await Promise.all([writers.flushAll(), pass(10)]);
    log.log('too late');
    await pass(10_000);
    expect(store.system.map(({ message }) => message)).toEqual(['last words']);
    expect(writer.counters).toMatchObject({ queued: 0, written: 1 });
  });
});
