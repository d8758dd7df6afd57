import { assignNames } from './import-names';
import { toolNameProblem } from './tool-definition.types';

describe('assignNames', () => {
  it('keeps valid names, wherever they stand', () => {
    expect(assignNames(['My Server', 'my-server', 'a--b'])).toEqual(['my-server-2', 'my-server', 'a--b']);
  });

  it.each([
    ['GitHub MCP (beta)!', 'github-mcp-beta'],
    ['io.github.ann/weather', 'io-github-ann-weather'],
    ['--x--', 'x'],
    ['日本', 'server'],
    ['', 'server'],
    ['export', 'export-server'],
    ['0192aaaa-0000-7000-8000-000000000000', '0192aaaa-0000-7000-8000-000000000000-server'],
    ['A'.repeat(80), 'a'.repeat(63)],
    [`${'a'.repeat(62)} b`, 'a'.repeat(62)],
  ])('turns %p into %p', (original, name) => {
    expect(assignNames([original])).toEqual([name]);
  });

  it('numbers names that slug alike, within the allowed length', () => {
    expect(assignNames(['A b', 'a B', 'A-B', 'a-b-2'])).toEqual(['a-b', 'a-b-3', 'a-b-4', 'a-b-2']);
    const long = assignNames(['A'.repeat(70), 'A'.repeat(71)]);
    expect(long[1]).toBe(`${'a'.repeat(61)}-2`);
    expect(long.map(toolNameProblem)).toEqual([null, null]);
  });

  it('numbers a valid name that comes twice', () => {
    expect(assignNames(['a', 'a'])).toEqual(['a', 'a-2']);
  });
});
