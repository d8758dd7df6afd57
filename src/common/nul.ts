import type { FieldError } from './domain-error';

/** A text as every database can store it: PostgreSQL's `text` takes no NUL. */
export function withoutNul(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', '\uFFFD') : text;
}

/** The fields of an input that hold a NUL anywhere, or are called `constructor`, by dotted path; `skip` names top-level members that may. */
export function nulErrors(input: unknown, skip: ReadonlySet<string> = new Set(), path = ''): FieldError[] {
  if (typeof input === 'string') {
    return input.includes('\0') ? [{ path, message: 'must not have a NUL character' }] : [];
  }
  if (typeof input !== 'object' || input === null) return [];
  return Object.entries(input).flatMap(([name, value]) => {
    if (path === '' && skip.has(name)) return [];
    const place = path === '' ? name : `${path}.${name}`;
    // The libraries that rebuild objects would call it.
    if (name === 'constructor') return [{ path: place, message: 'is not known here' }];
    return nulErrors(value, undefined, place);
  });
}
