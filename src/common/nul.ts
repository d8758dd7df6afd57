import type { FieldError } from './domain-error';

/** A text as every database can store it: PostgreSQL's `text` takes no NUL. */
export function withoutNul(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', '\uFFFD') : text;
}

/** The fields of an input that hold a NUL anywhere, by dotted path; `skip` names top-level members that may. */
export function nulErrors(input: unknown, skip: ReadonlySet<string> = new Set(), path = ''): FieldError[] {
  if (typeof input === 'string') {
    return input.includes('\0') ? [{ path, message: 'must not have a NUL character' }] : [];
  }
  if (typeof input !== 'object' || input === null) return [];
  return Object.entries(input).flatMap(([name, value]) => {
    if (path === '' && skip.has(name)) return [];
    return nulErrors(value, undefined, path === '' ? name : `${path}.${name}`);
  });
}
