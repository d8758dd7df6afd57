import { ToolConnection } from './tool-definition.types';

/** A tool definition as far as a client's file says it; the rest gets our defaults when it is created. */
export interface ImportDraft extends ToolConnection {
  name: string;
  description: string;
  timeoutMs?: number;
  /** False while a variable has no value, so that nothing runs half configured. */
  enabled: boolean;
}

export interface ImportedTool {
  /** The name in the file; `draft.name` differs where that one isn't a valid tool name. */
  sourceName: string;
  draft: ImportDraft;
  /** Variables of `${...}` placeholders that a human has to fill in, without duplicates. */
  missing: string[];
  /** What was understood differently or left out; absent when there is nothing to say. */
  notes?: string[];
}

export interface SkippedEntry {
  name: string;
  reason: string;
}

/** What a configuration holds, with nothing created yet. */
export interface ImportReading {
  entries: ImportedTool[];
  skipped: SkippedEntry[];
}

/** One entry of any supported format, before it gets its name. */
export interface EntryReading {
  connection: ToolConnection;
  description: string;
  timeoutMs?: number;
  enabled: boolean;
  notes: string[];
}
