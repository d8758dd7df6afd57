import { cpuMsOf } from '../../test/support/cpu-time';
import { passwordProblem } from './password-rules';

const NAMES = { username: 'anna.smith', projectName: 'MCPS.ONE' };

describe('a new password', () => {
  it.each([
    'correct horse battery staple',
    'a password of the tests alone',
    'Anna Smith went to the sea',
    'mcps-one runs on my old laptop',
    '314159265358979',
    'пароль который никто не знает',
    '🐢🐢🐢🦊🦊🦊🐙🐙🐙🐝🐝🐝',
    'x'.repeat(3) + ' unpredictable ' + 'y'.repeat(1000),
  ])('may be "%s"', (password) => {
    expect(passwordProblem(password, NAMES)).toBeNull();
  });

  it.each([
    'password1234',
    'Password!!!!!!2026',
    'PASSWORDPASSWORD',
    '2026Welcome2026!',
    'administrator',
    'qwertyuiop12',
    'QWERTYUIOPASDF',
    '1q2w3e4r5t6y',
    '123456789012',
    '210987654321',
    'abcdefghijkl',
    'aaaaaaaaaaaa',
    'abcabcabcabc',
    '121212121212',
    'letmein-letmein-please'.replace('-letmein', ''),
  ])('is not "%s", which is tried first', (password) => {
    expect(passwordProblem(password, NAMES)).toMatch(/tried first/);
  });

  it.each([
    'anna.smith',
    'AnnaSmith2026',
    'annasmith-annasmith',
    'mcps.one-2026!',
    'MCPSONEmcpsone',
    'anna_smith_mcps_one',
  ])('is not "%s", a name with something around it', (password) => {
    expect(passwordProblem(password, NAMES)).toMatch(/more than the user name/);
  });

  it('is not held against the user for a name of two letters', () => {
    expect(passwordProblem('al dente pasta', { ...NAMES, username: 'al' })).toBeNull();
  });

  it('is judged in no time, whatever it is', () => {
    const tookMs = cpuMsOf(() => {
      for (const piece of ['a', 'ab', 'abcd', '1', 'abcde', ' ', 'anna']) passwordProblem(piece.repeat(1000), NAMES);
    });
    expect(tookMs).toBeLessThan(500);
  });
});
