import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { openFileDescriptors, waitUntil } from '../../test/support/process-tree';
import { removeTemporaryFolders, temporaryFolder } from '../../test/support/temporary-folder';
import { STDERR_FILE_LIMITS, type StderrFileLimits } from './stderr-file';
import { StderrFiles } from './stderr-files';
import type { StderrLine } from './stderr-ring';

const TOOL = { id: '01a20895-3ee3-75a3-9e56-be65c7427568', name: 'github' };
const AT = Date.UTC(2026, 0, 2, 3, 4, 5, 6);
const FILE = 'github.c7427568.log';

const lines = (...texts: string[]): StderrLine[] => texts.map((line) => ({ at: AT, line }));

class House {
  readonly logDir = join(temporaryFolder(), 'logs');
  readonly folder = join(this.logDir, 'tools');
  readonly files: StderrFiles;
  tool = TOOL;
  readonly sink;

  constructor(limits: Partial<StderrFileLimits> = {}) {
    this.files = new StderrFiles(this.logDir, { ...STDERR_FILE_LIMITS, ...limits });
    this.sink = this.files.sinkFor(() => this.tool);
  }

  read(name = FILE): string {
    return readFileSync(join(this.folder, name), 'utf8');
  }

  /** How many files of this house are open in this process. */
  get open(): number {
    return openFileDescriptors().filter((path) => path.startsWith(this.logDir)).length;
  }
}

describe('the stderr of tools on disk', () => {
  const said: [level: string, message: string, facts: unknown][] = [];
  const logger = {
    log: (message: string, facts: unknown) => said.push(['info', message, facts]),
    warn: (message: string, facts: unknown) => said.push(['warn', message, facts]),
    error: () => undefined,
  };
  beforeAll(() => Logger.overrideLogger(logger));
  beforeEach(() => void said.splice(0));
  afterAll(() => {
    Logger.overrideLogger(false);
    removeTemporaryFolders();
  });

  it('is readable lines with their time, in a file that only its owner may read', async () => {
    const house = new House();
    house.sink.write(lines('one', 'two'));
    house.sink.write(lines('three'));
    await house.files.close();
    expect(house.read()).toBe(['one', 'two', 'three'].map((line) => `2026-01-02T03:04:05.006Z ${line}\n`).join(''));
    expect(statSync(join(house.folder, FILE)).mode & 0o777).toBe(0o600);
    expect(statSync(house.folder).mode & 0o777).toBe(0o700);
  });

  it('makes no file before the first line', async () => {
    const house = new House();
    house.sink.end();
    await house.files.close();
    expect(existsSync(house.logDir)).toBe(false);
  });

  it('cannot be used to draw on the screen of who reads it, or to forge lines', async () => {
    const house = new House();
    house.sink.write(lines('\u001b[31mred\u001b[0m a\u0007b\tc\rd\u0000'));
    await house.files.close();
    expect(house.read()).toBe('2026-01-02T03:04:05.006Z red a\\u0007b\tc\\u000dd\\u0000\n');
  });

  it('keeps three files of a size at most, the oldest lines go', async () => {
    const house = new House({ maxBytes: 200 });
    for (let index = 0; index < 40; index += 1) {
      house.sink.write(lines(`line ${index}`));
      await house.files.close();
    }
    expect(readdirSync(house.folder).sort()).toEqual([FILE, `${FILE}.1`, `${FILE}.2`]);
    const kept = [`${FILE}.2`, `${FILE}.1`, FILE].map((name) => house.read(name));
    for (const text of kept) expect(text.length).toBeLessThanOrEqual(200);
    const numbers = kept
      .join('')
      .trimEnd()
      .split('\n')
      .map((line) => Number(/\d+$/.exec(line)?.[0]));
    expect(numbers.at(-1)).toBe(39);
    expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
  });

  it('goes on in the file that is there, whatever rights it had', async () => {
    const house = new House();
    mkdirSync(house.folder, { recursive: true });
    writeFileSync(join(house.folder, FILE), 'before\n', { mode: 0o644 });
    house.sink.write(lines('after'));
    await house.files.close();
    expect(house.read()).toMatch(/^before\n\S+ after\n$/);
    expect(statSync(join(house.folder, FILE)).mode & 0o777).toBe(0o600);
  });

  it('F35: holds no descriptor once the program has ended, and takes the file up again with the next one', async () => {
    const house = new House();
    house.sink.write(lines('first life'));
    await waitUntil(() => house.open === 1, { what: 'the file is open' });
    house.sink.end();
    await waitUntil(() => house.open === 0, { what: 'the file is closed' });
    house.sink.write(lines('second life'));
    house.sink.end();
    await waitUntil(() => house.read().includes('second life'), { what: 'the second life is told' });
    await waitUntil(() => house.open === 0, { what: 'the file is closed again' });
  });

  it('holds no descriptor for an idle tool either', async () => {
    const house = new House({ idleMs: 10 });
    house.sink.write(lines('hello'));
    await waitUntil(() => existsSync(house.folder) && house.open === 0 && house.read() !== '', {
      what: 'the file was written and closed',
    });
    house.sink.write(lines('again'));
    await house.files.close();
    expect(house.read().split('\n')).toHaveLength(3);
  });

  it('goes on under the new name of a tool that was renamed, from its next life on', async () => {
    const house = new House();
    house.sink.write(lines('old name'));
    await waitUntil(() => house.open === 1, { what: 'the file is open' });
    house.tool = { ...TOOL, name: 'gitlab' };
    house.sink.write(lines('still this life'));
    house.sink.end();
    await waitUntil(() => house.open === 0, { what: 'the file is closed' });
    house.sink.write(lines('next life'));
    await house.files.close();
    expect(readdirSync(house.folder).sort()).toEqual([FILE, 'gitlab.c7427568.log']);
    expect(house.read().split('\n')).toHaveLength(3);
  });

  it('costs lines and one warning where the folder cannot be written, and says so when it can again', async () => {
    const house = new House({ pauseMs: 0 });
    const other = house.files.sinkFor(() => ({ id: 'another-tool', name: 'other' }));
    // A file where the folder should be: also root cannot write into that.
    mkdirSync(house.logDir, { recursive: true });
    writeFileSync(house.folder, '');
    house.sink.write(lines('lost', 'lost too'));
    other.write(lines('lost as well'));
    await waitUntil(() => house.files.lostLines === 3, { what: 'the lines are counted' });
    expect(said.filter(([level]) => level === 'warn')).toHaveLength(1);
    expect(JSON.stringify(said)).toMatch(/ENOTDIR|EEXIST/);
    rmSync(house.folder);
    house.sink.write(lines('back'));
    other.write(lines('back'));
    await house.files.close();
    expect(house.read()).toMatch(/^\S+ \[2 lines were not written\]\n\S+ back\n$/);
    expect(said.at(-1)).toEqual(['info', expect.stringContaining('written again'), { lostLines: 3 }]);
    expect(house.open).toBe(0);
  });

  it('does not try again at each line while the disk is full', async () => {
    const house = new House();
    mkdirSync(house.logDir, { recursive: true });
    writeFileSync(house.folder, '');
    house.sink.write(lines('lost'));
    await waitUntil(() => house.files.lostLines === 1, { what: 'the line is counted' });
    rmSync(house.folder);
    house.sink.write(lines('too early'));
    await house.files.close();
    expect(house.files.lostLines).toBe(2);
    expect(existsSync(house.folder)).toBe(false);
  });

  it('follows no link that lies in the place of a file', async () => {
    const house = new House();
    const target = join(temporaryFolder(), 'precious');
    writeFileSync(target, 'untouched');
    mkdirSync(house.folder, { recursive: true });
    symlinkSync(target, join(house.folder, FILE));
    house.sink.write(lines('evil'));
    await house.files.close();
    expect(readFileSync(target, 'utf8')).toBe('untouched');
    expect(house.files.lostLines).toBe(1);
  });

  it('drops and counts what a slow disk cannot take, instead of holding it', async () => {
    const house = new House({ maxQueued: 1_000 });
    for (let index = 0; index < 100; index += 1) house.sink.write(lines('x'.repeat(100)));
    await house.files.close();
    expect(house.files.lostLines).toBeGreaterThan(80);
    expect(house.read().split('\n').length - 1 + house.files.lostLines).toBe(100);
  });

  it('names no file outside of its folder', async () => {
    const house = new House();
    house.tool = { id: '../../etc/x', name: '../a/b' };
    house.sink.write(lines('hm'));
    await house.files.close();
    expect(readdirSync(house.folder)).toEqual(['.._a_b..._etc_x.log']);
  });
});
