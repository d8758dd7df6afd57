import { PreconditionFailedError, ValidationFailedError } from './domain-error';

/** The strong entity tag of a version (RFC 9110 section 8.8.3). */
export function etagOf(version: number): string {
  return `"${version}"`;
}

/**
 * Checks an `If-Match` header (RFC 9110 section 13.1.1) against the current version; no header, no condition.
 * @throws PreconditionFailedError when none of the tags is the current one
 * @throws ValidationFailedError when the header is malformed
 */
export function requireMatch(ifMatch: string | undefined, currentVersion: number): void {
  if (ifMatch === undefined || ifMatch.trim() === '*') return;
  const tags = ifMatch.split(',').map((tag) => tag.trim());
  // Weak tags never match here (strong comparison), but are well-formed.
  if (!tags.every((tag) => /^(W\/)?"[^"]*"$/.test(tag))) {
    throw new ValidationFailedError([{ path: 'If-Match', message: 'must be * or a list of quoted entity tags' }]);
  }
  if (!tags.includes(etagOf(currentVersion))) throw new PreconditionFailedError(currentVersion);
}
