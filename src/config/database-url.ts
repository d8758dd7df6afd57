import { resolve } from 'node:path';

/** Where the data lives, read from DATABASE_URL. */
export type DatabaseTarget = { type: 'sqlite'; file: string; temporary: boolean } | { type: 'postgres'; url: string };

/**
 * Reads `sqlite:///./relative.db` (three slashes: relative to the working directory), `sqlite:////absolute.db` (four),
 * `sqlite::memory:` (a private temporary file that ends with the process) or `postgresql://user@host/database`.
 * Throws an Error whose message completes "DATABASE_URL ...". A password is never repeated in it.
 */
export function parseDatabaseUrl(value: string): DatabaseTarget {
  if (/^sqlite:(\/\/\/?)?:memory:$/.test(value)) return { type: 'sqlite', file: ':memory:', temporary: true };
  if (value.startsWith('sqlite:')) {
    const match = /^sqlite:\/\/\/(.+)$/.exec(value);
    if (!match?.[1]) {
      throw new Error('must be sqlite:///./relative.db (three slashes) or sqlite:////absolute/path.db (four slashes)');
    }
    return { type: 'sqlite', file: resolve(decode(match[1])), temporary: false };
  }
  if (/^postgres(ql)?:\/\//.test(value)) {
    let url: URL;
    try {
      url = new URL(value);
    } catch {
      throw new Error('is no valid URL: postgresql://user:password@host:5432/database');
    }
    if (url.pathname.length < 2) throw new Error('names no database: postgresql://user:password@host:5432/database');
    return { type: 'postgres', url: value };
  }
  throw new Error('must begin with sqlite:/// or postgresql://');
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new Error('has a % that begins no escape: write %25 for the sign itself');
  }
}
