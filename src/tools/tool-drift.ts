import type { Life } from '../supervisor/supervisor.service';
import type { DesiredState } from './tool-definition.types';

/** What is stored of what somebody wants of a tool. */
export interface Wish {
  id: string;
  enabled: boolean;
  desired: DesiredState;
}

export type Repair = 'start' | 'stop' | 'forget';

/**
 * What has to be done about a tool that is not as wished: `wish` null means that there is no such tool any more, `life` null
 * that the supervisor has never heard of it. Null: nothing. What has failed, and what has ended as its policy wants, is left
 * alone: only a command or another definition wakes it.
 */
export function repairFor(wish: Wish | null, life: Life | null): Repair | null {
  if (wish === null) return life === null ? null : 'forget';
  const isAtRest = life === null || life.phase === 'stopped';
  if (!wish.enabled || wish.desired === 'stopped') {
    return isAtRest || life.phase === 'stopping' || life.phase === 'failed' ? null : 'stop';
  }
  return wish.desired === 'running' && isAtRest && life?.settled !== true ? 'start' : null;
}
