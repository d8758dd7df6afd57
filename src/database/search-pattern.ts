/** A LIKE pattern (with `ESCAPE '!'`) that finds a plain text anywhere, its own % and _ included; compare with LOWER(column). */
export function searchPattern(text: string): string {
  return `%${text.toLowerCase().replace(/[!%_]/g, '!$&')}%`;
}
