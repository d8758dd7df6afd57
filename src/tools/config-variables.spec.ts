import { fillPlaceholders, findPlaceholders, placeholdersOf, withoutPlaceholders } from './config-variables';

describe('findPlaceholders', () => {
  it.each([
    ['${A} and ${B} and ${A}', ['A', 'B']],
    ['${env:A}', ['A']],
    ['${A:-x}', ['A']],
    ['${input:some-id}', ['some-id']],
    ['${file:/a:-b}', ['file:/a:-b']],
    ['${A:-${B}}', ['B']],
    ['$A {A} ${} ${A', []],
  ])('finds in %p the names %j', (text, names) => {
    expect(findPlaceholders(text)).toEqual(names);
  });
});

describe('fillPlaceholders', () => {
  it.each([
    ['a${A:-x}b${B}', 'axb${B}'],
    ['${A:-}', ''],
    ['${env:A:-y}', 'y'],
    ['${input:known}/${input:other}', 'value/${input:other}'],
    ['${known}', '${known}'],
  ])('makes of %p the text %p', (text, filled) => {
    expect(fillPlaceholders(text, new Map([['known', 'value']]))).toBe(filled);
  });
});

describe('withoutPlaceholders', () => {
  it('keeps what is literally there', () => {
    expect(withoutPlaceholders('a${A}b}${B:-c}${')).toBe('ab}${');
  });
});

describe('placeholdersOf', () => {
  it('names the place of each', () => {
    const places = placeholdersOf({
      transport: 'stdio',
      command: '${A}',
      args: ['x', '${B}${C}'],
      cwd: '${D}',
      env: { E: '${A}' },
      url: '${F}',
      headers: { 'X-G': '${G}' },
    });
    expect(places.map(({ path, name }) => `${path} ${name}`)).toEqual(
      ['command A', 'args[1] B', 'args[1] C', 'cwd D', 'env.E A'].concat('url F', 'headers.X-G G'),
    );
  });
});
