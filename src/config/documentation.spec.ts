import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'dotenv';
import { loadConfig } from './load-config';
import { VARIABLES } from './variables';

const NAMES = Object.keys(VARIABLES).sort();
const ASSIGNMENT = /^(?:#\s*)?([A-Z][A-Z0-9_]*)=/;

const read = (file: string): string => readFileSync(join(__dirname, '../..', file), 'utf8');
const unique = (names: string[]): string[] => [...new Set(names)].sort();

describe('.env.example', () => {
  const lines = () => read('.env.example').split('\n');
  const assigned = (line: string) => ASSIGNMENT.exec(line)?.[1];

  it('holds every variable and no other', () => {
    expect(unique(lines().flatMap((line) => assigned(line) ?? []))).toEqual(NAMES);
  });

  it('explains each of them in a comment above it', () => {
    const all = lines();
    const bare = NAMES.filter((name) => {
      const above = all[all.findIndex((line) => assigned(line) === name) - 1] ?? '';
      return !/^#\s*\S/.test(above) || assigned(above) !== undefined;
    });
    expect(bare).toEqual([]);
  });

  it('changes nothing when it is copied to .env as it is', () => {
    const environment = parse(read('.env.example'));
    const expected = Object.assign({}, loadConfig({}), { environmentOfChildren: environment });
    expect(loadConfig(environment)).toEqual(expected);
  });
});

describe('the configuration table of README.md', () => {
  it('names every variable once and no other', () => {
    const section = /^(#+) [^\n]*configuration[^\n]*\n(.*?)(?=^\1 |(?![\s\S]))/ims.exec(read('README.md'))?.[2] ?? '';
    const rows = [...section.matchAll(/^\|\s*`([A-Z][A-Z0-9_]*)`\s*\|/gm)].map((match) => match[1] ?? '');
    expect(rows.sort()).toEqual(NAMES);
  });
});
