import { isNestedDeeperThan } from './json-depth';

describe('isNestedDeeperThan', () => {
  it('F17: tells arrays and objects nested over the limit from those at the limit', () => {
    expect(isNestedDeeperThan('['.repeat(10) + ']'.repeat(10), 10)).toBe(false);
    expect(isNestedDeeperThan(`${'['.repeat(11)}${']'.repeat(11)}`, 10)).toBe(true);
    expect(isNestedDeeperThan(`${'{"a":'.repeat(11)}1${'}'.repeat(11)}`, 10)).toBe(true);
  });

  it('does not count brackets in strings, nor lose count at escaped quotes', () => {
    expect(isNestedDeeperThan(`["${'['.repeat(50)}","\\"${'{'.repeat(50)}\\\\"]`, 10)).toBe(false);
    expect(isNestedDeeperThan(`["\\\\",${'['.repeat(11)}${']'.repeat(11)}]`, 10)).toBe(true);
  });

  it('counts depth, not brackets', () => {
    expect(isNestedDeeperThan(`[${'[],{},'.repeat(100)}0]`, 10)).toBe(false);
  });

  it('ends at a string that never closes', () => {
    expect(isNestedDeeperThan(`["${'x'.repeat(100)}`, 10)).toBe(false);
  });
});
