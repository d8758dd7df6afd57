/** What was read from the last words of a program. */
export interface Finding {
  code: string;
  /** The end of the sentence "The program exited with code 1: ..."; names from stderr are quoted, values never. */
  what: string;
  /** What to do about it, where the finding knows more than the catalogue. */
  hint?: string;
}

/** One class of last words. */
export interface FailureRule {
  /** Also believed while the program still lives and is only silent. Otherwise it must have ended. */
  whileAlive?: boolean;
  /** Reads line `index`; it may look at the lines around it. All are short, and without colours. */
  read(lines: readonly string[], index: number): Finding | null;
}

const MAX_NAME_CHARACTERS = 120;

/** A rule for a line that says it all. What `find` gets is the match. */
export function lineRule(
  pattern: RegExp,
  find: (match: RegExpExecArray) => Finding | null,
  options: { whileAlive?: boolean } = {},
): FailureRule {
  return {
    ...options,
    read: (lines, index) => {
      const match = pattern.exec(lines[index] ?? '');
      return match === null ? null : find(match);
    },
  };
}

/** A name that a program wrote, for a message: one line, not too long. */
export function quoted(name: string | undefined): string {
  const text = (name ?? '').trim();
  return `"${text.length > MAX_NAME_CHARACTERS ? `${text.slice(0, MAX_NAME_CHARACTERS)}…` : text}"`;
}
