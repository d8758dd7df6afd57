import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '../..');
const PAGE = 'docs/faults.md';

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => `F${from + n}`);
const CATALOGUE = range(1, 65);

const testFiles = ['src', 'test'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('spec.ts'))
    .map((name) => join(folder, name)),
);
const textOf = (file: string) => readFileSync(join(ROOT, file), 'utf8');

/** The numbers with which names of tests begin, as in 'F25, F5: answers 502'. */
const numbersIn = (file: string): Set<string> =>
  new Set([...textOf(file).matchAll(/['"`]((?:F\d+, )*F\d+)\b/g)].flatMap(([, numbers]) => numbers?.split(', ') ?? []));

const rows = textOf(PAGE)
  .split('\n')
  .filter((line) => /^\| F\d/.test(line))
  .map((line) => {
    const [, number = '', , files = '', users = ''] = line.split('|').map((cell) => cell.trim());
    return { number, files: [...files.matchAll(/`([^`]+spec\.ts)`/g)].map(([, file]) => file ?? ''), users };
  });

describe('the fault catalogue', () => {
  it('has a test for every number', () => {
    const proven = new Set(testFiles.flatMap((file) => [...numbersIn(file)]));
    expect(CATALOGUE.filter((number) => !proven.has(number))).toEqual([]);
  });

  it(`has every number once on ${PAGE}, with its tests and what users see`, () => {
    expect(rows.map(({ number }) => number)).toEqual(CATALOGUE);
    for (const { number, files, users } of rows) {
      expect({ number, files: files.length > 0, users: users.length > 10 }).toEqual({
        number,
        files: true,
        users: true,
      });
    }
  });

  it.each(rows)(`has $number in each file that ${PAGE} names for it`, ({ number, files }) => {
    expect(files.filter((file) => !testFiles.includes(file) || !numbersIn(file).has(number))).toEqual([]);
  });
});
