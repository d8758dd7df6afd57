import type { LogKind } from '../logs/log-entries';

/** What can be asked for with `?types=`. */
export const EVENT_TYPES = [
  ...(['tool.status', 'log.system', 'log.operation', 'log.mcp', 'backup', 'system.status'] as const),
];
export type EventType = (typeof EVENT_TYPES)[number];

export const EVENT_OF_LOG: Readonly<Record<LogKind, EventType>> = {
  mcp: 'log.mcp',
  system: 'log.system',
  operations: 'log.operation',
};

/** Those that are about tools: what `?tool=` asks for unless `?types=` says more. */
export const TOOL_EVENTS: readonly EventType[] = ['tool.status', 'log.mcp', 'log.operation'];

/** Those that an API key gets which is limited to some tools. */
export const SCOPED_EVENTS: readonly EventType[] = ['tool.status', 'log.mcp'];

export function isEventType(text: string): text is EventType {
  return (EVENT_TYPES as readonly string[]).includes(text);
}
