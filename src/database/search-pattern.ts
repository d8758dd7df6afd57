/**
 * A LIKE pattern (with `ESCAPE '!'`) that finds a plain text anywhere, its own % and _ included. Compare LOWER(column) with
 * LOWER(pattern): only the database knows which letters its LOWER changes (SQLite's: A to Z alone).
 */
export function searchPattern(text: string): string {
  return `%${text.replace(/[!%_]/g, '!$&')}%`;
}
