import type { SqlValue } from './reader';

/** What a reading thread needs to know at its start. */
export interface ReadingData {
  mainFile: string;
  logFile: string;
}

export interface ReadRequest {
  sql: string;
  values: readonly SqlValue[];
  limitMs: number;
  maxBytes: number;
}

/** Rows as one flat list: cloning it between threads costs half of cloning objects. */
export type ReadAnswer =
  { columns: string[]; values: unknown[] } | { failure: { isOver: boolean; code: string | null; message: string } };
