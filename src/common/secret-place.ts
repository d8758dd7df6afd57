/** What a sealed value is bound to: it opens in this row, column and entry alone. Never change it: nothing would open. */
export function secretPlace(table: string, id: string | number, column: string, entry: string): string {
  return `${table}:${id}:${column}:${entry}`;
}
