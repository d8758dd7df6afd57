import { includesRole, ROLES } from './roles';

describe('a role', () => {
  it('includes those below it and none above', () => {
    const held = ROLES.map((role) => [role, ROLES.filter((required) => includesRole(role, required))]);
    expect(held).toEqual([
      ['viewer', ['viewer']],
      ['operator', ['viewer', 'operator']],
      ['admin', ['viewer', 'operator', 'admin']],
    ]);
  });

  it('that nobody knows includes nothing', () => {
    expect(ROLES.filter((required) => includesRole('root' as never, required))).toEqual([]);
  });
});
