import { createHash } from 'node:crypto';

const SEPARATOR = '__';
/** Many clients cut what is longer, or refuse it. */
const MAX_LENGTH = 64;
const HASH_LENGTH = 8;

/** Where a name of the joint endpoint leads. */
export interface NameTarget {
  tool: string;
  /** As the server itself calls it. */
  name: string;
}

/** How the joint endpoint calls an MCP tool or prompt: `{tool}__{name}`, cut with a hash where that is too long. */
export function jointName(tool: string, name: string): string {
  const whole = tool + SEPARATOR + name;
  if (whole.length <= MAX_LENGTH) return whole;
  const hash = createHash('sha256').update(whole).digest('hex').slice(0, HASH_LENGTH);
  // A pair of surrogates is one character: half of it would be none.
  const kept = whole.slice(0, MAX_LENGTH - HASH_LENGTH - 1).replace(/[\ud800-\udbff]$/, '');
  return `${kept}_${hash}`;
}

/** What a joint name says by itself: the name of a tool never holds an underscore. Null: it may have been cut, or is none. */
export function splitJointName(joint: string): NameTarget | null {
  const at = joint.indexOf(SEPARATOR);
  if (at <= 0) return null;
  const target = { tool: joint.slice(0, at), name: joint.slice(at + SEPARATOR.length) };
  return target.name !== '' && jointName(target.tool, target.name) === joint ? target : null;
}

/** Whether a name of this length can only be one that was cut. */
export function mayBeCut(joint: string): boolean {
  return joint.length > MAX_LENGTH - 2 && /_[0-9a-f]{8}$/.test(joint);
}
