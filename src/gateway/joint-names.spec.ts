import { jointName, mayBeCut, splitJointName } from './joint-names';

describe('joint names', () => {
  it('puts the tool in front', () => {
    expect(jointName('weather', 'get_forecast')).toBe('weather__get_forecast');
    expect(splitJointName('weather__get_forecast')).toEqual({ tool: 'weather', name: 'get_forecast' });
  });

  it('splits at the first separator only, since names of MCP tools may hold it', () => {
    expect(splitJointName('a__b__c')).toEqual({ tool: 'a', name: 'b__c' });
    expect(splitJointName('a____c')).toEqual({ tool: 'a', name: '__c' });
  });

  it('takes what was never joined for no name', () => {
    for (const name of ['', 'a', 'a_b', '__b', 'a__']) expect(splitJointName(name)).toBeNull();
  });

  it('keeps 64 characters as they are and cuts the 65th, always in the same way', () => {
    const fits = jointName('tool', 'n'.repeat(58));
    expect(fits).toHaveLength(64);
    expect(splitJointName(fits)?.name).toBe('n'.repeat(58));
    const cut = jointName('tool', 'n'.repeat(59));
    expect(cut).toHaveLength(64);
    expect(cut).toMatch(/^tool__n{49}_[0-9a-f]{8}$/);
    expect(jointName('tool', 'n'.repeat(59))).toBe(cut);
    expect(mayBeCut(cut)).toBe(true);
  });

  it('keeps long names apart that begin alike', () => {
    const names = Array.from({ length: 500 }, (_, n) => jointName('t'.repeat(63), `${'same'.repeat(20)}${n}`));
    expect(new Set(names).size).toBe(500);
    for (const name of names) expect(name).toHaveLength(64);
  });

  it('does not halve a character', () => {
    const cut = jointName('t', `${'x'.repeat(51)}😀${'x'.repeat(20)}`);
    expect(cut).toMatch(/^t__x{51}_[0-9a-f]{8}$/);
    expect(mayBeCut(cut)).toBe(true);
  });
});
