import { MemoryLogRepository } from '../../test/support/memory-log-repository';
import { AppLogger } from '../common/app-logger';
import { DatabaseWriters } from '../database/database-writers';
import type { SystemLogRow } from './system-log.entity';
import type { SystemLogRepository } from './system-log.repository';
import { SystemLogWriter } from './system-log.writer';

function aWriter() {
  const repository = new MemoryLogRepository<SystemLogRow>();
  const log = new AppLogger('debug', () => 5_000);
  const writers = new DatabaseWriters();
  const writer = new SystemLogWriter(repository as unknown as SystemLogRepository, log, writers);
  return { repository, log, writers, writer };
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
    jest.useRealTimers();
  });

  it('stores what was said, from the first line on, and no stack', async () => {
    const { repository, log, writer } = aWriter();
    log.log('before the database was open', 'Main');
    writer.onModuleInit();
    log.error('It failed', new Error('broken'), { tool: 'weather' }, 'Tools');
    await pass(200);
    expect(repository.rows).toMatchObject([
      { seq: 1, at: 5_000, severity: 1, context: 'Main', message: 'before the database was open', data: null },
      { seq: 2, severity: 3, context: 'Tools', message: 'It failed', data: '{"tool":"weather"}' },
    ]);
    expect(JSON.stringify(repository.rows)).not.toContain('broken');
  });

  it('cuts what the columns can not take and leaves out what no database can', async () => {
    const { repository, log, writer } = aWriter();
    writer.onModuleInit();
    log.log('a\0b'.padEnd(100_000, 'x'), { text: 'c\0d' }, 'C'.repeat(500));
    await pass(200);
    const [row] = repository.rows;
    expect(row?.message).toHaveLength(16_384);
    expect(row?.context).toHaveLength(100);
    expect(`${row?.message}${row?.data}`).not.toContain('\0');
  });

  it('says its own trouble once on stderr, never into the log it can not write', async () => {
    const { repository, log, writer } = aWriter();
    writer.onModuleInit();
    repository.failure = new Error('away');
    log.log('one');
    await pass(10_000);
    expect(stderr.mock.calls).toEqual([[expect.stringMatching(/^The system log could not be written .*away\n$/)]]);
    repository.failure = null;
    await pass(10_000);
    expect(repository.rows.map(({ message }) => message)).toEqual(['one']);
  });

  it('stores what was said before the database closes and nothing after', async () => {
    const { repository, log, writers, writer } = aWriter();
    writer.onModuleInit();
    log.log('last words');
    await Promise.all([writers.flushAll(), pass(10)]);
    log.log('too late');
    await pass(10_000);
    expect(repository.rows.map(({ message }) => message)).toEqual(['last words']);
    expect(writer.counters).toEqual({ queued: 0, written: 1, dropped: 0 });
  });
});
