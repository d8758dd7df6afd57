import { isolationReport } from './isolation-report';

const FACTS = {
  platform: 'linux' as NodeJS.Platform,
  isolation: 'process-group' as const,
  guard: { pid: 42, respawns: 1, works: true },
  recordTrouble: null,
};
const NO_GUARD = { pid: null, respawns: 9, works: false };

describe('the level of isolation in force', () => {
  it.each([
    ['guard', {}],
    ['bwrap', { isolation: 'bwrap' as const }],
    ['bwrap', { isolation: 'bwrap' as const, guard: NO_GUARD }],
    ['marker', { guard: NO_GUARD }],
    ['guard', { platform: 'darwin' as const }],
    ['process-group', { platform: 'darwin' as const, guard: NO_GUARD }],
    ['process-group', { platform: 'win32' as const, guard: NO_GUARD }],
  ])('is %s with %j', (level, given) => {
    expect(isolationReport({ ...FACTS, ...given })).toMatchObject({
      level,
      promise: expect.stringMatching(/^.{40,}$/),
    });
  });

  it('shows the guard, and has nothing to note where all is as it should be', () => {
    expect(isolationReport(FACTS)).toMatchObject({ guard: { pid: 42, respawns: 1 }, notes: [] });
  });

  it.each([
    ['/proc', { platform: 'darwin' as const }],
    ['taskkill', { platform: 'win32' as const, guard: NO_GUARD }],
    ['guard process can not be started', { guard: NO_GUARD }],
    ['no space left', { recordTrouble: 'no space left' }],
  ])('notes %s where it is weaker', (note, given) => {
    expect(isolationReport({ ...FACTS, ...given }).notes).toEqual([expect.stringContaining(note)]);
  });
});
