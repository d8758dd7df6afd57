import { Injectable } from '@nestjs/common';
import { ScopeMissingError } from '../auth/auth.errors';
import type { Principal } from '../auth/principal';
import { ValidationFailedError } from '../common/domain-error';
import { ToolDirectory } from '../tools/tool-directory';
import { ToolNotFoundError, ToolOutOfScopeError } from '../tools/tools.errors';
import { EVENT_TYPES, type EventType, isEventType, SCOPED_EVENTS, TOOL_EVENTS } from './event-types';
import type { EventsQuery } from './stream.dto';
import { StreamFilter } from './stream-filter';

/** Makes of what is asked for, and of who asks, what may be shown. */
@Injectable()
export class StreamFilters {
  constructor(private readonly tools: ToolDirectory) {}

  /** @throws ValidationFailedError, ToolNotFoundError, ToolOutOfScopeError, ScopeMissingError */
  async of({ types, tool }: EventsQuery, { toolIds }: Principal): Promise<StreamFilter> {
    const given = types === undefined ? null : named(types);
    if (toolIds !== null && given?.some((type) => !SCOPED_EVENTS.includes(type))) throw new ScopeMissingError();
    const toolId = tool === undefined ? null : await this.tools.idOf(tool);
    if (tool !== undefined && toolIds !== null && (toolId === null || !toolIds.has(toolId))) {
      throw new ToolOutOfScopeError(tool);
    }
    if (tool !== undefined && toolId === null) throw new ToolNotFoundError(tool);
    const wanted: readonly EventType[] = given ?? (tool === undefined ? EVENT_TYPES : TOOL_EVENTS);
    const allowed = wanted.filter((type) => toolIds === null || SCOPED_EVENTS.includes(type));
    return new StreamFilter(new Set(allowed), toolId, toolIds);
  }
}

function named(types: string): EventType[] {
  const names = types.split(',').map((name) => name.trim());
  const unknown = names.filter((name) => !isEventType(name));
  if (unknown.length > 0) {
    const shown = unknown.map((name) => `"${name.slice(0, 40)}"`).join(', ');
    const message = `names no event: ${shown}; there are ${EVENT_TYPES.join(', ')}`;
    throw new ValidationFailedError([{ path: 'types', message }]);
  }
  return names.filter(isEventType);
}
