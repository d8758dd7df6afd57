import { UnreadableEntryError } from './import.errors';

export type JsonRecord = Record<string, unknown>;

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Text as files in the wild have it: numbers and booleans count as text, null as absent, an object is an error. */
export function readText(value: unknown, path: string): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new UnreadableEntryError(`${path} must be a string, not ${kindOf(value)}`);
}

export function readTextList(value: unknown, path: string): string[] {
  return readList(value, path).map((item, index) => {
    const text = readText(item, `${path}[${index}]`);
    if (text === null) throw new UnreadableEntryError(`${path}[${index}] must be a string, not null`);
    return text;
  });
}

/** Names with their text; a null value means "not set" (VS Code) and is left out. */
export function readTextMap(value: unknown, path: string): Record<string, string> {
  if (value === undefined || value === null) return {};
  if (!isRecord(value)) throw new UnreadableEntryError(`${path} must be an object, not ${kindOf(value)}`);
  const pairs: [string, string][] = [];
  for (const [name, item] of Object.entries(value)) {
    const text = readText(item, `${path}.${name}`);
    if (text !== null) pairs.push([name, text]);
  }
  return Object.fromEntries(pairs);
}

export function readList(value: unknown, path: string): unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new UnreadableEntryError(`${path} must be an array, not ${kindOf(value)}`);
  return value as unknown[];
}

/** Foreign text made fit for one of our messages: quoted, with control characters escaped, and short. */
export function quoted(text: string): string {
  return JSON.stringify(shortened(text));
}

export function shortened(text: string, length = 120): string {
  return text.length > length ? `${text.slice(0, length)}...` : text;
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
