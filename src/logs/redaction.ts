import { SecretMask } from '../common/secret-mask';

/** The least margin at a cut, in characters: tokens that are recognized by their shape alone fit into it as well. */
const LEAST_MARGIN = 16 * 1024;
const MOST_MARGIN = 1024 * 1024;
/** A character may be written by so many where JSON stands inside of JSON. */
const LONGEST_SPELLING = 7;

/**
 * The one place where texts of messages lose their secrets: in the writer's thread, before anything is stored, spooled or
 * shown. Knows for each tool the values that must not be stored.
 */
export class Redaction {
  private readonly masks = new Map<string, { mask: SecretMask; margin: number }>();

  /** In place of what was known of the tool before. */
  protect(toolId: string, values: readonly string[]): void {
    this.masks.set(toolId, { mask: new SecretMask(values), margin: marginFor(values) });
  }

  /** What hides the secrets of a tool's messages. */
  maskOf(toolId: string): SecretMask {
    return this.masks.get(toolId)?.mask ?? SecretMask.NONE;
  }

  /** What must be dropped at a cut of the tool's messages. */
  margin(toolId: string): number {
    return this.masks.get(toolId)?.margin ?? LEAST_MARGIN;
  }
}

/** How many characters at a cut may be part of a secret that can't be recognized any more. */
export function marginFor(values: Iterable<string> = []): number {
  let longest = 0;
  for (const value of values) longest = Math.max(longest, value.length);
  return Math.min(MOST_MARGIN, Math.max(LEAST_MARGIN, longest * LONGEST_SPELLING));
}
