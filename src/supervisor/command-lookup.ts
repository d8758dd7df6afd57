import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, resolve } from 'node:path';

export type CommandLookup =
  { ok: true; path: string } | { ok: false; code: 'command_not_found' | 'command_not_executable' };

/**
 * Finds a command as the system would: a path is taken as it is (relative ones from the working directory), a plain name
 * is looked for in PATH. Looking first tells "not there" from "not executable", and the child gets an absolute path.
 */
export async function lookUpCommand(
  command: string,
  cwd: string | null,
  env: Readonly<Record<string, string>>,
): Promise<CommandLookup> {
  let found = false;
  for (const candidate of candidates(command, cwd, env)) {
    const verdict = await inspect(candidate);
    if (verdict === 'executable') return { ok: true, path: candidate };
    found ||= verdict === 'file';
  }
  return { ok: false, code: found ? 'command_not_executable' : 'command_not_found' };
}

function candidates(command: string, cwd: string | null, env: Readonly<Record<string, string>>): string[] {
  const extensions = process.platform === 'win32' ? ['', ...(env.PATHEXT ?? '.EXE;.CMD;.BAT').split(';')] : [''];
  const bases =
    isAbsolute(command) || /[\\/]/.test(command)
      ? [resolve(cwd ?? '.', command)]
      : (env.PATH ?? env.Path ?? '')
          .split(delimiter)
          .filter((folder) => folder !== '')
          .map((folder) => resolve(cwd ?? '.', folder, command));
  return bases.flatMap((base) => extensions.map((extension) => base + extension));
}

async function inspect(path: string): Promise<'executable' | 'file' | 'none'> {
  const entry = await stat(path).catch(() => null);
  if (!entry?.isFile()) return 'none';
  return access(path, constants.X_OK).then(
    () => 'executable' as const,
    () => 'file' as const,
  );
}
