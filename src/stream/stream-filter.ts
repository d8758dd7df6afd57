import type { LogEntry, LogKind } from '../logs/log-entries';
import { EVENT_OF_LOG, type EventType } from './event-types';

/** What of all that happens one stream shows. */
export class StreamFilter {
  /** The same for filters that let the same pass: their streams share what is written. */
  readonly key: string;

  constructor(
    readonly types: ReadonlySet<EventType>,
    /** The one tool that is asked for; null: all. */
    readonly toolId: string | null,
    /** Ids of the only tools that the caller may see; null: all. */
    private readonly scope: ReadonlySet<string> | null,
  ) {
    this.key = JSON.stringify([[...types].sort(), toolId, scope && [...scope].sort()]);
  }

  wants(type: EventType): boolean {
    return this.types.has(type);
  }

  wantsLog(log: LogKind): boolean {
    return this.types.has(EVENT_OF_LOG[log]);
  }

  passesTool(toolId: string): boolean {
    return (this.toolId === null || this.toolId === toolId) && (this.scope === null || this.scope.has(toolId));
  }

  passesEntry(log: LogKind, { toolId }: LogEntry): boolean {
    if (!this.wantsLog(log)) return false;
    if (log === 'mcp') return toolId !== null && this.passesTool(toolId);
    // The system log names no tool; of operations those on the tool are asked for.
    return log === 'system' || this.toolId === null || this.toolId === toolId;
  }
}
