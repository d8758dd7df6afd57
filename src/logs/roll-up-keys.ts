import { createHash } from 'node:crypto';
import { callName } from './call-name';

/** What stands for all that finds no room of its own: targets and methods are given by strangers. */
export const OTHERS = '(other)';
/** Different methods and targets that are told apart in one day: of one tool, and of all. */
const MAX_OF_TOOL = 100;
const MAX_OF_DAY = 1_000;
/** Days whose names are kept in memory. */
const DAYS_KEPT = 3;
/** Methods that keep their name also where their targets find no room; others, which anybody can invent, do not. */
const STANDARD_METHODS = new Set([
  ...['initialize', 'ping', 'server/discover', 'completion/complete', 'logging/setLevel', 'roots/list'],
  ...['tools/list', 'tools/call', 'prompts/list', 'prompts/get', 'sampling/createMessage', 'elicitation/create'],
  ...['resources/list', 'resources/read', 'resources/templates/list', 'resources/subscribe', 'resources/unsubscribe'],
  ...['tasks/get', 'tasks/list', 'tasks/result', 'tasks/cancel', 'subscriptions/listen'],
  ...['notifications/initialized', 'notifications/progress', 'notifications/message', 'notifications/cancelled'],
  ...['notifications/tools/list_changed', 'notifications/prompts/list_changed', 'notifications/roots/list_changed'],
  ...['notifications/resources/list_changed', 'notifications/resources/updated', 'notifications/tasks/status'],
]);

/** Under which name calls are counted. */
export interface CallKey {
  key: string;
  method: string | null;
  target: string | null;
}

interface Day {
  known: Map<string, CallKey>;
  ofTool: Map<string, number>;
}

/** Gives what calls are counted under, and sees to it that a day has no more of them than can be read at once. */
export class RollUpKeys {
  private readonly days = new Map<number, Day>();

  knows(day: number): boolean {
    return this.days.has(day);
  }

  /** Takes in what the database has of a day. */
  learn(day: number, calls: Iterable<{ toolId: string; method: string | null; target: string | null }>): void {
    const names: Day = { known: new Map(), ofTool: new Map() };
    this.days.set(day, names);
    for (const { toolId, method, target } of calls) {
      if (target !== OTHERS) admit(names, callName(toolId, method, target), toolId, method, target);
    }
  }

  /** Lets go of all days but the newest: what was told of the rest is in the database by now. */
  forgetOld(): void {
    for (const day of [...this.days.keys()].sort((a, b) => b - a).slice(DAYS_KEPT)) this.days.delete(day);
  }

  /** Forgets everything: what was admitted may not be in the database. */
  clear(): void {
    this.days.clear();
  }

  of(day: number, toolId: string, method: string | null, target: string | null): CallKey {
    const names = this.days.get(day);
    if (!names) throw new Error('The names of this day are not known');
    const name = callName(toolId, method, target);
    const known = names.known.get(name);
    if (known) return known;
    const isFull = names.known.size >= MAX_OF_DAY || (names.ofTool.get(toolId) ?? 0) >= MAX_OF_TOOL;
    return isFull ? othersOf(toolId, method) : admit(names, name, toolId, method, target);
  }
}

function admit(day: Day, name: string, toolId: string, method: string | null, target: string | null): CallKey {
  const entry = { key: hashOf(name), method, target };
  day.known.set(name, entry);
  day.ofTool.set(toolId, (day.ofTool.get(toolId) ?? 0) + 1);
  return entry;
}

function othersOf(toolId: string, method: string | null): CallKey {
  const kept = method !== null && STANDARD_METHODS.has(method) ? method : OTHERS;
  return { key: hashOf(callName(toolId, kept, OTHERS)), method: kept, target: OTHERS };
}

function hashOf(name: string): string {
  return createHash('sha256').update(name).digest('base64url').slice(0, 22);
}
