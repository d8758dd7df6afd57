import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { lookUpCommand } from './command-lookup';

describe('lookUpCommand', () => {
  let root = '';
  const at = (...parts: string[]): string => join(root, ...parts);
  const find = (command: string, cwd: string | null = null, path = `${at('first')}:${at('second')}`) =>
    lookUpCommand(command, cwd, { PATH: path });

  async function program(mode: number, ...parts: string[]): Promise<void> {
    await writeFile(at(...parts), '#!/bin/sh\n');
    await chmod(at(...parts), mode);
  }

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'lookup-'));
    for (const folder of ['first', 'second', 'first/folder']) await mkdir(at(folder));
    await program(0o755, 'first', 'both');
    await program(0o755, 'second', 'both');
    await program(0o644, 'first', 'later');
    await program(0o755, 'second', 'later');
    await program(0o644, 'second', 'plain');
  });
  afterAll(() => rm(root, { recursive: true }));

  it('takes the first of PATH, and goes on past a file that is not executable', async () => {
    expect(await find('both')).toEqual({ ok: true, path: at('first', 'both') });
    expect(await find('later')).toEqual({ ok: true, path: at('second', 'later') });
  });

  it('tells what is not there from what is not executable', async () => {
    expect(await find('nothing')).toEqual({ ok: false, code: 'command_not_found' });
    expect(await find('plain')).toEqual({ ok: false, code: 'command_not_executable' });
    expect(await find(at('second', 'plain'))).toEqual({ ok: false, code: 'command_not_executable' });
    expect(await lookUpCommand('both', null, {})).toEqual({ ok: false, code: 'command_not_found' });
  });

  it('takes a folder of that name for nothing', async () => {
    for (const command of ['folder', at('first'), '', '.', './']) {
      expect(await find(command, root)).toEqual({ ok: false, code: 'command_not_found' });
    }
  });

  it('takes a path as it is, a relative one from the working directory', async () => {
    expect(await find(at('second', 'both'), '/')).toEqual({ ok: true, path: at('second', 'both') });
    expect(await find('./second/both', root)).toEqual({ ok: true, path: at('second', 'both') });
    expect(await find('../second/both', at('first'))).toEqual({ ok: true, path: at('second', 'both') });
    expect(await find(relative('.', at('first', 'both')))).toEqual({ ok: true, path: at('first', 'both') });
    expect(await find('./both', root)).toEqual({ ok: false, code: 'command_not_found' });
  });

  it('reads a relative folder in PATH from the working directory, and leaves an empty one out', async () => {
    expect(await find('both', root, 'second')).toEqual({ ok: true, path: at('second', 'both') });
    expect(await find('both', at('first'), ':')).toEqual({ ok: false, code: 'command_not_found' });
  });
});
