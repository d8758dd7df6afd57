import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SETTING_KEYS, type SettingDeclaration, SETTINGS } from './catalogue';

/** The cells of the table's rows, without the marks of code. */
function rowsOfReadme(): string[][] {
  const readme = readFileSync(join(__dirname, '../../README.md'), 'utf8');
  const section = /^### Settings at run time\n(.*?)(?=^##|(?![\s\S]))/ms.exec(readme)?.[1] ?? '';
  return section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('`', '')),
    );
}

describe('the table of settings in README.md', () => {
  it('holds every setting that can be changed, with its default, its variable and its meaning, and no other', () => {
    const declared = SETTING_KEYS.map((key): [string, SettingDeclaration<unknown>] => [key, SETTINGS[key]])
      .filter(([, { editable }]) => editable)
      .map(([key, { byDefault, environment, description }]) => [
        ...[key, String(byDefault), environment?.variable ?? '', description],
      ]);
    expect(rowsOfReadme()).toEqual(declared);
  });
});
