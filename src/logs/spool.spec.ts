import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { removeTemporaryFolders, temporaryFolder } from '../../test/support/temporary-folder';
import type { LogEntryRow } from './log-batch';
import { Spool } from './spool';
import { readSpoolLine, toSpoolLine } from './spool-line';

const LIMITS = { maxBytes: 10_000_000, segmentBytes: 1_000_000 };

const aRow = (n: number, payload = `{"n":${n},"text":"line\\nend, Grüße 🌍"}`): LogEntryRow => ({
  log: 'mcp',
  values: [
    `id-${n}`,
    n,
    't-1',
    'weather',
    null,
    null,
    'to-server',
    'request',
    'm',
    null,
    '1',
    null,
    null,
    1,
    0,
    payload,
  ],
});

const lines = (...rows: LogEntryRow[]) => Buffer.from(rows.map(toSpoolLine).join(''));

/** Reads a spool to its end, in chunks. */
function drain(spool: Spool, chunk = 100): { rows: LogEntryRow[]; damaged: number } {
  const all = { rows: [] as LogEntryRow[], damaged: 0 };
  while (!spool.isEmpty) {
    const { rows, damaged, done } = spool.read(chunk);
    all.rows.push(...rows);
    all.damaged += damaged;
    done();
  }
  return all;
}

const segments = (folder: string) => readdirSync(folder).filter((name) => name.endsWith('.spool'));

describe('a line of the spool', () => {
  it('is read as it was written, whatever the row holds', () => {
    const row = aRow(1, 'tab\t, quote", \u2028, 🌍, "\\u0000", \n');
    const line = toSpoolLine(row);
    expect(line.indexOf('\n')).toBe(line.length - 1);
    expect(readSpoolLine(line.trimEnd())).toEqual(row);
  });

  it('is told from one that any other hand has changed', () => {
    const line = toSpoolLine(aRow(1)).trimEnd();
    for (let place = 0; place < line.length; place++) {
      const changed = line.slice(0, place) + (line[place] === 'x' ? 'y' : 'x') + line.slice(place + 1);
      expect(readSpoolLine(changed)).toBeNull();
    }
    expect(readSpoolLine('')).toBeNull();
  });
});

describe('the spool', () => {
  let folder: string;

  beforeEach(() => {
    folder = join(temporaryFolder(), 'spool');
  });

  afterEach(() => removeTemporaryFolders());

  it('gives rows back in the order they came, and leaves no file behind', () => {
    const spool = new Spool(folder, { ...LIMITS, segmentBytes: 1_000 });
    const rows = Array.from({ length: 100 }, (_, n) => aRow(n));
    for (const row of rows) spool.append(lines(row));
    expect(segments(folder).length).toBeGreaterThan(5);
    expect(drain(spool, 7)).toEqual({ rows, damaged: 0 });
    expect([spool.bytes, segments(folder)]).toEqual([0, []]);
  });

  it('can be read while more is appended', () => {
    const spool = new Spool(folder, { ...LIMITS, segmentBytes: 500 });
    const seen: unknown[] = [];
    for (let n = 0; n < 50; n++) {
      spool.append(lines(aRow(3 * n), aRow(3 * n + 1), aRow(3 * n + 2)));
      const { rows, done } = spool.read(2);
      seen.push(...rows.map(({ values }) => values[1]));
      done();
    }
    seen.push(...drain(spool).rows.map(({ values }) => values[1]));
    expect(seen).toEqual(Array.from({ length: 150 }, (_, n) => n));
  });

  it('takes nothing off before it is done with: a chunk that could not be stored comes again', () => {
    const spool = new Spool(folder, LIMITS);
    spool.append(lines(aRow(1), aRow(2)));
    expect(spool.read(10).rows).toHaveLength(2);
    expect(spool.read(10).rows).toEqual([aRow(1), aRow(2)]);
  });

  it('is for the user alone', () => {
    const spool = new Spool(folder, LIMITS);
    spool.append(lines(aRow(1)));
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, segments(folder)[0] ?? '')).mode & 0o777).toBe(0o600);
  });

  it('F57: goes on with what an earlier run has left, and behind it with its own', () => {
    const first = new Spool(folder, LIMITS);
    first.append(lines(aRow(1), aRow(2)));
    const second = new Spool(folder, LIMITS);
    expect(second.isEmpty).toBe(false);
    second.append(lines(aRow(3)));
    expect(drain(second).rows).toEqual([aRow(1), aRow(2), aRow(3)]);
  });

  it.each([1, 7, 60])('F65: ignores the half line that a kill has left, %d bytes short', (missing) => {
    const first = new Spool(folder, LIMITS);
    first.append(lines(aRow(1), aRow(2), aRow(3)));
    const file = join(folder, segments(folder)[0] ?? '');
    truncateSync(file, statSync(file).size - missing);
    expect(drain(new Spool(folder, LIMITS))).toEqual({ rows: [aRow(1), aRow(2)], damaged: 0 });
    expect(segments(folder)).toEqual([]);
  });

  it('F65: passes over a damaged line, counts it and keeps it aside', () => {
    const first = new Spool(folder, LIMITS);
    first.append(lines(aRow(1), aRow(2), aRow(3)));
    const file = join(folder, segments(folder)[0] ?? '');
    const bytes = readFileSync(file);
    const place = bytes.indexOf('id-2');
    bytes[place] = 'X'.charCodeAt(0);
    writeFileSync(file, bytes);
    expect(drain(new Spool(folder, LIMITS))).toEqual({ rows: [aRow(1), aRow(3)], damaged: 1 });
    expect(readFileSync(join(folder, 'damaged.txt'), 'utf8')).toContain('Xd-2');
  });

  it('ends with a file that is nothing but rubbish, or is gone', () => {
    const spool = new Spool(folder, LIMITS);
    spool.append(lines(aRow(1)));
    writeFileSync(join(folder, '00000007.spool'), Buffer.alloc(3_000_000, 'rubbish without an end '));
    appendFileSync(join(folder, '00000008.spool'), '');
    rmSync(join(folder, '00000001.spool'));
    expect(drain(new Spool(folder, LIMITS)).rows).toEqual([]);
    expect(drain(spool).rows).toEqual([]);
    expect(segments(folder)).toEqual([]);
  });

  it('reads lines longer than a block', () => {
    const spool = new Spool(folder, LIMITS);
    const large = aRow(1, 'x'.repeat(3_000_000));
    spool.append(lines(large, aRow(2)));
    expect(drain(spool).rows).toEqual([large, aRow(2)]);
  });

  it('leaves the last eighth of its room to rows without payloads', () => {
    const spool = new Spool(folder, { maxBytes: 8_000, segmentBytes: 1_000 });
    expect([spool.hasRoom(7_000, 'whole'), spool.hasRoom(7_001, 'whole')]).toEqual([true, false]);
    expect([spool.hasRoom(8_000, 'metadata'), spool.hasRoom(8_001, 'metadata')]).toEqual([true, false]);
  });

  it('makes no folder before it is needed', () => {
    new Spool(folder, LIMITS).sync();
    expect(existsSync(folder)).toBe(false);
  });
});
