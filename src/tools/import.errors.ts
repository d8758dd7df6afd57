/** Where in a text a syntax error was found, both counted from 1. */
export interface TextPosition {
  line: number;
  column: number;
}

/** The whole configuration can't be imported: it isn't JSON, or has no shape that we know. */
export class ImportError extends Error {
  override readonly name = 'ImportError';

  constructor(
    message: string,
    readonly position: TextPosition | null = null,
  ) {
    super(message);
  }
}

/** One entry can't be imported; its message is the `reason` under `skipped`, and the other entries are still read. */
export class UnreadableEntryError extends Error {
  override readonly name = 'UnreadableEntryError';
}
