import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { AppConfig } from '../config/app-config';
import { SETTING_KEYS, type SettingDeclaration, SETTINGS } from './catalogue';

const SRC = join(__dirname, '..');
const CATALOGUE = 'settings/catalogue.ts';

/** The log speaks before there are settings; `logs/log-level.ts` takes over. */
const BEFORE_SETTINGS = ['logLevel'];

const declarations: [string, SettingDeclaration<unknown>][] = SETTING_KEYS.map((key) => [key, SETTINGS[key]]);
const editable = declarations.filter(([, declaration]) => declaration.editable);

/** Path -> text of the program without its tests and without the catalogue itself. */
const sources = new Map(
  readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .map((path) => relative(SRC, join(SRC, path)))
    .filter((path) => path.endsWith('.ts') && !path.endsWith('spec.ts') && path !== CATALOGUE)
    .map((path) => [path, readFileSync(join(SRC, path), 'utf8')]),
);
const filesWith = (pattern: RegExp): string[] =>
  [...sources].filter(([, text]) => pattern.test(text)).map(([path]) => path);

/** The fields of the configuration that a setting is read from. */
function fieldsOf({ environment }: SettingDeclaration<unknown>): string[] {
  const fields: string[] = [];
  const config = new Proxy({}, { get: (_, field) => void fields.push(String(field)) });
  environment?.read(config as AppConfig);
  return fields.filter((field) => field !== 'debug');
}

const withoutTexts = (source: string): string => source.replace(/'[^'\n]*'/g, "''");

describe('a setting that can be changed', () => {
  it('is read by somebody: one without any effect can not be', () => {
    const unread = editable
      .map(([key]) => key)
      // In quotes, as an argument: what a text or a comment says of it is no use of it.
      .filter((key) => filesWith(new RegExp(`[([,\\s]'${key.replaceAll('.', '\\.')}'[)\\],]`)).length === 0);
    expect(unread).toEqual([]);
  });

  it.each(editable.filter(([key, { environment }]) => environment !== null && !BEFORE_SETTINGS.includes(key)))(
    '%s is not read past the settings, from the environment as it was at the start',
    (_, declaration) => {
      const fields = new RegExp(`\\b(${fieldsOf(declaration).join('|')})\\b`);
      const past = [...sources].filter(
        ([path, text]) => !path.startsWith('config/') && fields.test(withoutTexts(text)),
      );
      expect(past.map(([path]) => path)).toEqual([]);
    },
  );
});
