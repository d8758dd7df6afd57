import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

const LOG_FILE = /\.log(\.\d+)?$/;

/** Removes log files of a folder that nothing was written to since a time: those of tools that are gone. Returns how many. */
export async function removeOldFiles(folder: string, before: number): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  let removed = 0;
  for (const file of names.filter((name) => LOG_FILE.test(name)).map((name) => join(folder, name))) {
    const found = await stat(file).catch(() => null);
    if (found === null || !found.isFile() || found.mtimeMs >= before) continue;
    // One that is not ours to remove stays.
    if (
      await rm(file).then(
        () => true,
        () => false,
      )
    )
      removed++;
  }
  return removed;
}
