import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FAILURES } from './failure-catalogue';

/** The rows of the tables in docs/failures.md: code, meaning, hint. */
function documented(): [string, string, string][] {
  const text = readFileSync(join(__dirname, '../../docs/failures.md'), 'utf8');
  return text
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim().replaceAll('&#124;', '|')))
    .filter((cells) => /^`[a-z_]+`$/.test(cells[1] ?? ''))
    .map((cells) => [(cells[1] ?? '').slice(1, -1), cells[2] ?? '', cells[3] ?? '']);
}

describe('docs/failures.md', () => {
  it('has each code once, in the words of the code', () => {
    const ofCode = Object.entries(FAILURES).map(([code, { meaning, hint }]) => [code, meaning, hint]);
    expect(documented()).toEqual(ofCode);
  });
});
