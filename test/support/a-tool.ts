import { join } from 'node:path';

const FIXTURE = join(__dirname, 'fixture-mcp-server.mjs');

/** A valid stdio tool definition around the fixture server; `flags` are the fixture's, all else overrides the definition. */
export function aTool(given: { name?: string; flags?: string[] } & Record<string, unknown> = {}): Record<
  string,
  unknown
> & {
  name: string;
} {
  const { flags = [], name = 'fixture', ...rest } = given;
  return { name, command: process.execPath, args: [FIXTURE, ...flags], ...rest };
}
