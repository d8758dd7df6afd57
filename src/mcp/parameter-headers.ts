import { isRecord } from './call-params';

/** An argument of a tool that has to be repeated in a header of the request (2026-07-28 server/tools, `x-mcp-header`). */
export interface HeaderParameter {
  /** Where it is in the arguments. */
  path: readonly string[];
  /** The whole name, in lower case. */
  header: string;
}

const ANNOTATION = 'x-mcp-header';
const PREFIX = 'mcp-param-';
/** RFC 9110 section 5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** A `number` is excluded: two programs may write the same one differently. */
const TYPES: readonly unknown[] = ['string', 'integer', 'boolean'];
const PLAIN_VALUE = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;
const LOOKS_ENCODED = /^=\?base64\?.*\?=$/i;

/** Which arguments go into headers, or null if the schema breaks a rule: such a tool must not be used over HTTP. */
export function headerParametersOf(inputSchema: unknown): readonly HeaderParameter[] | null {
  const found: HeaderParameter[] = [];
  if (!collect(inputSchema, [], found)) return null;
  return new Set(found.map(({ header }) => header)).size === found.length ? found : null;
}

/** The headers of one call. An argument that is null or missing has none. */
export function parameterHeaders(parameters: readonly HeaderParameter[], args: unknown): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const { path, header } of parameters) {
    const value = path.reduce<unknown>((inner, key) => (isRecord(inner) ? inner[key] : undefined), args);
    const isExact = typeof value !== 'number' || Number.isSafeInteger(value);
    if (['string', 'number', 'boolean'].includes(typeof value) && isExact) headers[header] = headerValue(String(value));
  }
  return headers;
}

/** A header can carry visible ASCII only; anything else travels as base64 of its UTF-8. */
export function headerValue(value: string): string {
  if (PLAIN_VALUE.test(value) && !LOOKS_ENCODED.test(value)) return value;
  return `=?base64?${Buffer.from(value, 'utf8').toString('base64')}?=`;
}

/** Follows the chain of `properties`; false if an annotation is wrong, or stands where no such chain leads. */
function collect(schema: unknown, path: readonly string[], found: HeaderParameter[]): boolean {
  if (!isRecord(schema)) return !isAnnotated(schema);
  if (Object.hasOwn(schema, ANNOTATION)) {
    const name = schema[ANNOTATION];
    if (path.length === 0 || typeof name !== 'string' || !TOKEN.test(name) || !TYPES.includes(schema.type))
      return false;
    found.push({ path, header: PREFIX + name.toLowerCase() });
  }
  return Object.entries(schema).every(([keyword, value]) => {
    if (keyword !== 'properties' || !isRecord(value)) return VALUES.has(keyword) || !isAnnotated(value);
    return Object.entries(value).every(([key, property]) => collect(property, [...path, key], found));
  });
}

/** Keywords whose value is data, not a schema: what looks like an annotation there is none. */
const VALUES: ReadonlySet<string> = new Set(['const', 'default', 'enum', 'examples']);

function isAnnotated(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(isAnnotated);
  if (!isRecord(value)) return false;
  if (Object.hasOwn(value, ANNOTATION)) return true;
  return Object.entries(value).some(([keyword, inner]) => !VALUES.has(keyword) && isAnnotated(inner));
}
