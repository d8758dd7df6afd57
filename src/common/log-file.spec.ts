import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { waitUntil } from '../../test/support/process-tree';
import { removeTemporaryFolders, temporaryFolder } from '../../test/support/temporary-folder';
import type { LogEntry } from './app-logger';
import { LOG_FILE_LIMITS, LogFile } from './log-file';

const anEntry = (given: Partial<LogEntry> = {}): LogEntry => ({
  ...{ at: Date.UTC(2026, 10, 23, 12, 0, 1, 23), level: 'info', context: 'Tools', message: 'Tool started' },
  ...{ requestId: null, data: null, stack: null },
  ...given,
});

const JSON_LINES = { json: true };
/** All but the time. */
const REAL_TIMERS: FakeableAPI[] = [
  ...(['hrtime', 'nextTick', 'performance', 'queueMicrotask', 'setImmediate', 'clearImmediate'] as const),
  ...(['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] as const),
];

describe('the log file', () => {
  const said: string[] = [];

  beforeEach(() => {
    said.length = 0;
    jest.spyOn(process.stderr, 'write').mockImplementation((text) => said.push(String(text)) > 0);
  });

  afterEach(() => {
    jest.useRealTimers();
    jest.restoreAllMocks();
    removeTemporaryFolders();
  });

  it('is made with its folder, for its owner alone, and appended to', async () => {
    const folder = join(temporaryFolder(), 'logs');
    const file = join(folder, 'app.log');
    for (const message of ['first run', 'second run']) {
      const log = new LogFile(file, JSON_LINES);
      log.write(anEntry({ message }));
      await log.close();
      await log.close();
      log.write(anEntry({ message: 'too late' }));
      chmodSync(file, 0o644);
    }
    await new LogFile(file, JSON_LINES).close();
    const lines = readFileSync(file, 'utf8').split('\n');
    expect(lines.map((line) => line && (JSON.parse(line) as LogEntry).message)).toEqual([
      'first run',
      'second run',
      '',
    ]);
    expect([statSync(folder).mode & 0o777, statSync(file).mode & 0o777]).toEqual([0o700, 0o600]);
  });

  it('has lines for eyes where nobody asked for JSON', async () => {
    const file = join(temporaryFolder(), 'app.log');
    const log = new LogFile(file, { json: false });
    log.write(anEntry({ data: { pid: 7 } }));
    await log.close();
    expect(readFileSync(file, 'utf8')).toBe('2026-11-23 12:00:01.023 INFO  [Tools] Tool started {"pid":7}\n');
  });

  it('is put aside when it is large, compressed, for its owner alone; the newest are kept, and no line is lost of them', async () => {
    const folder = temporaryFolder();
    const log = new LogFile(join(folder, 'app.log'), JSON_LINES, { ...LOG_FILE_LIMITS, size: '2K', files: 3 });
    const message = 'x'.repeat(400);
    for (let n = 0; n < 50; n++) log.write(anEntry({ message, data: { n } }));
    await log.close();
    const names = readdirSync(folder).sort();
    expect(names).toEqual(['app.log', 'app.log.1.gz', 'app.log.2.gz', 'app.log.3.gz']);
    expect(names.map((name) => statSync(join(folder, name)).mode & 0o777)).toEqual(names.map(() => 0o600));
    const read = (name: string) => {
      const bytes = readFileSync(join(folder, name));
      const text = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
      return text.split('\n').flatMap((line) => (line ? [(JSON.parse(line) as { data: { n: number } }).data.n] : []));
    };
    const kept = ['app.log.3.gz', 'app.log.2.gz', 'app.log.1.gz', 'app.log'].flatMap(read);
    expect(kept.length).toBeGreaterThanOrEqual(12);
    expect(kept).toEqual(kept.map((_, index) => 50 - kept.length + index));
  });

  it('is put aside at the end of the day, however small it is', async () => {
    const midnight = new Date(2026, 10, 24).getTime();
    // The time alone is of the test: the library's timer, which is set by it, is a real one.
    jest.useFakeTimers({ doNotFake: REAL_TIMERS, now: midnight - 100 });
    const folder = temporaryFolder();
    const log = new LogFile(join(folder, 'app.log'), JSON_LINES);
    const putAside = join(folder, 'app.log.1.gz');
    try {
      log.write(anEntry({ message: 'of the old day' }));
      await waitUntil(() => readFileSync(join(folder, 'app.log'), 'utf8') !== '', {
        what: 'the line is written',
      });
      jest.setSystemTime(midnight + 1);
      await waitUntil(() => existsSync(putAside), { what: 'the file is put aside' });
      log.write(anEntry({ message: 'of the new day' }));
      await log.close();
    } finally {
      jest.useRealTimers();
    }
    expect(readdirSync(folder).sort()).toEqual(['app.log', 'app.log.1.gz']);
    expect(gunzipSync(readFileSync(putAside)).toString()).toContain('of the old day');
    expect(readFileSync(join(folder, 'app.log'), 'utf8')).toContain('of the new day');
  });

  it('of an earlier day is put aside at the start; that of the same day is gone on with', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'app.log');
    const write = async (message: string) => {
      const log = new LogFile(file, JSON_LINES);
      log.write(anEntry({ message }));
      await log.close();
    };
    // No midnight comes in between.
    jest.useFakeTimers({ doNotFake: REAL_TIMERS, now: new Date(2026, 10, 24, 12) });
    await write('yesterday');
    const yesterday = new Date(2026, 10, 23, 12);
    utimesSync(file, yesterday, yesterday);
    writeFileSync(`${file}.1.gz`, 'of before');
    await write('today');
    const today = new Date(2026, 10, 24, 12);
    utimesSync(file, today, today);
    await write('today again');
    expect(readFileSync(`${file}.2.gz`, 'utf8')).toBe('of before');
    expect(statSync(`${file}.1.gz`).mode & 0o777).toBe(0o600);
    const aside = gunzipSync(readFileSync(`${file}.1.gz`)).toString();
    expect([aside.includes('yesterday'), aside.includes('today')]).toEqual([true, false]);
    const text = readFileSync(file, 'utf8');
    expect([text.includes('yesterday'), text.includes('today'), text.includes('again')]).toEqual([false, true, true]);
  });

  it('that can not be written is said once on stderr and harms nobody, and is written again when it can be', async () => {
    const file = join(temporaryFolder(), 'app.log');
    mkdirSync(file);
    const log = new LogFile(file, JSON_LINES, { ...LOG_FILE_LIMITS, pauseMs: 0 });
    await waitUntil(() => said.length > 0, { what: 'the trouble is told' });
    for (let n = 0; n < 5; n++) log.write(anEntry());
    rmdirSync(file);
    await waitUntil(
      () => {
        log.write(anEntry({ message: 'again' }));
        return statSync(file, { throwIfNoEntry: false })?.isFile() === true && said.length > 1;
      },
      { what: 'it is written again' },
    );
    await log.close();
    expect(said).toEqual([
      expect.stringMatching(/^The log file .* can't be written: .*not a file/),
      expect.stringMatching(/^The log file .* can be written again; \d+ lines are not in it/),
    ]);
    expect(readFileSync(file, 'utf8')).toContain('again');
  });

  it('whose folder can not be made costs its lines and nothing else', async () => {
    const inTheWay = join(temporaryFolder(), 'logs');
    writeFileSync(inTheWay, '');
    const log = new LogFile(join(inTheWay, 'app.log'), JSON_LINES);
    log.write(anEntry());
    log.write(anEntry());
    await log.close();
    expect(said).toHaveLength(1);
  });
});
