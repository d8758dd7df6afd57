import { MASKED, type ToolDefinition } from './tool-definition.types';
import type { Tool } from './tool.entity';

const PLAIN_FIELDS = [
  ...(['name', 'description', 'tags', 'transport', 'command', 'args', 'cwd', 'url', 'enabled', 'autoStart'] as const),
  ...(['restartPolicy', 'maxRetries', 'timeoutMs', 'startTimeoutMs', 'recordPayloads', 'sharing'] as const),
  'memoryLimitBytes' as const,
];

/**
 * What a change did, for the operation log: before and after of plain fields, of secrets only the names (`given` tells
 * which of them got a new value). Null when nothing changed.
 */
export function changesBetween(
  before: Tool | null,
  after: Tool,
  given?: ToolDefinition,
): Record<string, unknown> | null {
  const changes: Record<string, unknown> = {};
  for (const field of PLAIN_FIELDS) {
    const [old, now] = [before?.[field], after[field]];
    if (JSON.stringify(old) === JSON.stringify(now)) continue;
    changes[field] = before === null ? { after: now } : { before: old, after: now };
  }
  for (const field of ['env', 'headers'] as const) {
    const names = secretChanges(before?.[field] ?? {}, after[field], given?.[field]);
    if (names !== null) changes[field] = names;
  }
  return Object.keys(changes).length > 0 ? changes : null;
}

function secretChanges(before: Record<string, string>, after: Record<string, string>, given?: Record<string, string>) {
  const added = Object.keys(after).filter((name) => !Object.hasOwn(before, name));
  const removed = Object.keys(before).filter((name) => !Object.hasOwn(after, name));
  const replaced = Object.keys(after).filter(
    (name) => Object.hasOwn(before, name) && given !== undefined && given[name] !== MASKED,
  );
  return added.length + removed.length + replaced.length > 0 ? { added, removed, replaced } : null;
}
