/** The revisions without a handshake that we speak, newest first (2026-07-28, basic/versioning). */
export const MODERN_VERSIONS: readonly string[] = ['2026-07-28'];

/** The revisions that begin with `initialize`, newest first. */
export const LEGACY_VERSIONS: readonly string[] = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'];

export const NEWEST_MODERN_VERSION = '2026-07-28';
export const NEWEST_LEGACY_VERSION = '2025-11-25';

/** The first of `ours` that `theirs` holds as well. */
export function commonVersion(ours: readonly string[], theirs: readonly unknown[]): string | undefined {
  return ours.find((version) => theirs.includes(version));
}
