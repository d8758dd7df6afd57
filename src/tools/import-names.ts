import { toolNameProblem } from './tool-definition.types';

const MAX_LENGTH = 63;

/**
 * A valid and unique tool name for each name of a file, in the same order. Valid names are kept whatever stands before
 * them, so the outcome for `github` doesn't depend on a `GitHub` somewhere else in the file.
 */
export function assignNames(originals: readonly string[]): string[] {
  const unclaimed = new Set(originals.filter((name) => toolNameProblem(name) === null));
  const taken = new Set(unclaimed);
  const nextNumber = new Map<string, number>();
  return originals.map((original) => {
    if (unclaimed.delete(original)) return original;
    const base = slugOf(original);
    let candidate = base;
    let number = nextNumber.get(base) ?? 2;
    while (taken.has(candidate)) {
      candidate = withSuffix(base, `-${number}`);
      number += 1;
    }
    nextNumber.set(base, number);
    taken.add(candidate);
    return candidate;
  });
}

function slugOf(original: string): string {
  if (toolNameProblem(original) === null) return original;
  const slug = original
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(0, MAX_LENGTH)
    .replace(/-$/, '');
  if (slug === '') return 'server';
  return toolNameProblem(slug) === null ? slug : withSuffix(slug, '-server');
}

function withSuffix(base: string, suffix: string): string {
  return base.slice(0, MAX_LENGTH - suffix.length).replace(/-$/, '') + suffix;
}
