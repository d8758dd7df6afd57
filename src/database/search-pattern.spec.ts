import { searchPattern } from './search-pattern';

describe('a search pattern', () => {
  it.each([
    ['Weather', '%Weather%'],
    ['100%', '%100!%%'],
    ['snake_case', '%snake!_case%'],
    ['wow!', '%wow!!%'],
    ['!%_', '%!!!%!_%'],
    ['it\'s \\ "x"', '%it\'s \\ "x"%'],
  ])('finds %j as the plain text it is', (text, pattern) => {
    expect(searchPattern(text)).toBe(pattern);
  });
});
