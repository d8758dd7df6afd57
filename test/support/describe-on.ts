/**
 * Tests of what only one of the databases has. In the other database's project they do not exist, so nothing is reported
 * as skipped there.
 */
export function describeOn(database: 'sqlite' | 'postgres', name: string, tests: () => void): void {
  if (globalThis.TEST_DATABASE === database) describe(name, tests);
}
