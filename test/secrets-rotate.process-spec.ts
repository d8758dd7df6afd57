import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { aTool } from './support/a-tool';
import { firstLogin, scratchFolder, startProgram, stopProgram } from './support/built-program';

const SCRIPT = join(__dirname, '../scripts/secrets-rotate.mjs');
const [FORMER, COMING] = ['the former key, which is long enough', 'the coming key, which is long enough'];

function rotate(folder: string, args: string[], env: Record<string, string> = {}) {
  const { PATH, HOME } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [SCRIPT, ...args], {
    cwd: folder,
    env: { PATH, HOME, ...env },
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

describe('npm run secrets:rotate', () => {
  const folder = scratchFolder();
  afterAll(() => folder.remove());

  it('explains itself, and refuses arguments it does not know', () => {
    expect(rotate(folder.path, ['--help'])).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('SECRET_KEY_OLD'),
    });
    expect(rotate(folder.path, ['--force'])).toMatchObject({
      status: 1,
      stderr: 'Unknown argument --force; see --help\n',
    });
  });

  it('A27: changes the key of an installation, which then starts with the new one alone', async () => {
    const keys = { SECRET_KEY: COMING, SECRET_KEY_OLD: FORMER };
    const first = startProgram(folder.path, { SECRET_KEY: FORMER });
    const api = await firstLogin(await first.listening(), folder.path);
    await api('POST', '/tools', aTool({ name: 'sealed', env: { K: 'sealed-value' }, autoStart: true }));
    expect(rotate(folder.path, [], keys)).toMatchObject({ status: 4, stderr: expect.stringContaining('is in use') });
    expect(await stopProgram(first)).toBe(0);

    const dry = rotate(folder.path, ['--dry-run'], keys);
    expect(dry).toMatchObject({ status: 0, stdout: expect.stringContaining('Dry run: 1 stored value(s)') });
    const done = rotate(folder.path, [], keys);
    expect(done).toMatchObject({ status: 0, stderr: '' });
    expect(done.stdout).toMatch(
      /^Sealed anew: 1 stored value\(s\), key id \w{8} -> \w{8}\.\nThe operation log is in order/,
    );
    for (const key of [FORMER, COMING]) expect(done.stdout).not.toContain(key);

    const wrong = startProgram(folder.path, { SECRET_KEY: FORMER });
    expect(await wrong.exited).toBe(1);
    // Beside what was logged before: one line, no stack.
    expect(wrong.output().trim().split('\n').at(-1)).toMatch(/^The database belongs to another SECRET_KEY/);
    expect(wrong.output()).not.toMatch(/\n\s+at /);
    const right = startProgram(folder.path, { SECRET_KEY: COMING });
    await right.listening();
    expect(await stopProgram(right)).toBe(0);
  });
});
