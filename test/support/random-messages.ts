import { BatchIds, newId } from '../../src/common/ids';
import type { McpLogRow } from '../../src/logs/mcp-log.entity';

/** Throws that are the same for the same seed. */
export class Dice {
  constructor(private state: number) {}

  /** A whole number from 0 on, below a limit. */
  below(limit: number): number {
    this.state = (Math.imul(this.state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return Math.floor((this.state / 0x80000000) * limit);
  }

  oneOf<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }
}

/** Common, rare, and none. */
export const SESSIONS = ['s-1', 's-1', 's-1', 's-2', 's-2', 's-3', null];
export const TOOLS = ['t-1', 't-1', 't-1', 't-2', 't-2', 't-3'];
export const NAMES = ['weather', 'weather', 'files'];
export const METHODS = ['tools/call', 'tools/call', 'tools/call', 'resources/read', 'ping', null];
export const TARGETS = ['forecast', 'forecast', 'file:///a', 'file:///b', null];
export const KINDS = ['request', 'request', 'response', 'response', 'error', 'notification'];
export const WORDS = ['sunny', 'Rain and SNOW', '50% of it', 'größer_als', 'nothing!'];

/** Messages with gaps in their numbers, whose clock went back now and then, some of one batch and some of none. */
export function randomMessages(count: number, dice: Dice): McpLogRow[] {
  const rows: McpLogRow[] = [];
  let ids = new BatchIds();
  let at = 1_700_000_000_000;
  let seq = 0;
  for (let n = 0; n < count; n++) {
    seq += dice.below(20) === 0 ? 1 + dice.below(50) : 1;
    at += dice.below(50) === 0 ? -dice.below(20_000) : dice.below(600);
    if (dice.below(40) === 0) ids = new BatchIds();
    // Some rare one of each, so that most chunks have none.
    const isRare = dice.below(300) === 0;
    const kind = dice.oneOf(KINDS);
    rows.push({
      seq,
      id: dice.below(10) === 0 ? newId() : ids.of(at, n),
      at,
      toolId: isRare ? 't-rare' : dice.oneOf(TOOLS),
      toolName: dice.oneOf(NAMES),
      sessionId: isRare ? 's-rare' : dice.oneOf(SESSIONS),
      client: dice.below(2) === 0 ? 'inspector' : null,
      direction: dice.oneOf(['to-server', 'from-server']),
      kind,
      method: isRare ? 'completion/complete' : dice.oneOf(METHODS),
      target: isRare ? 'rare' : dice.oneOf(TARGETS),
      rpcId: kind === 'notification' ? null : dice.oneOf([String(dice.below(30)), '"a"']),
      outcome: kind === 'response' ? 'ok' : null,
      durationMs: kind === 'response' ? (isRare ? 900.5 : dice.below(200) / 10) : null,
      sizeBytes: dice.below(5_000),
      truncated: dice.below(5) === 0,
      payload: dice.below(10) === 0 ? null : `{"text":"${dice.oneOf(WORDS)} ${n}"}`,
    });
  }
  return rows;
}
