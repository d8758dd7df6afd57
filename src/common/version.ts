import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The program's version, from the package.json that it was built from. */
export const VERSION = readVersion(__dirname);

function readVersion(folder: string): string {
  const file = join(folder, 'package.json');
  if (existsSync(file)) {
    const parsed = JSON.parse(readFileSync(file, 'utf8')) as { name?: unknown; version?: unknown };
    if (parsed.name === 'mcps-one' && typeof parsed.version === 'string') return parsed.version;
  }
  const parent = dirname(folder);
  return parent === folder ? '0.0.0' : readVersion(parent);
}
