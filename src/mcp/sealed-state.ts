import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** What a state is good for: the same principal asking the same again. */
export interface StateBinding {
  /** Who asks, as one text that nobody else has. */
  principal: string;
  method: string;
  /** What is asked, without what changes from round to round. */
  params: Record<string, unknown>;
}

/** What is held for a client between two rounds. */
export interface HeldState {
  /** Which call is held. */
  call: string;
  /** Which round of it; each is answered once. */
  round: number;
  /** Epoch milliseconds. */
  expiresAt: number;
}

/**
 * Seals what a client has to bring back with its next round (`requestState`, 2026-07-28 basic/patterns/mrtr). AEAD under a key of
 * this process alone: the calls that are held don't outlive it either. A state that was changed, is too old, or is brought by
 * somebody else or for something else does not open.
 */
export class StateSeal {
  private readonly key = randomBytes(32);

  constructor(private readonly now: () => number = Date.now) {}

  seal(state: HeldState, binding: StateBinding): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.key, nonce).setAAD(textOf(binding));
    const sealed = Buffer.concat([cipher.update(JSON.stringify(state), 'utf8'), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url');
  }

  /** Null: it is none of ours, of somebody else, for something else, or too old. */
  open(text: string, binding: StateBinding): HeldState | null {
    const bytes = Buffer.from(text, 'base64url');
    if (bytes.length <= NONCE_BYTES + TAG_BYTES) return null;
    try {
      const decipher = createDecipheriv(ALGORITHM, this.key, bytes.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      })
        .setAAD(textOf(binding))
        .setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      const opened = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]);
      const state = JSON.parse(opened.toString('utf8')) as HeldState;
      return state.expiresAt > this.now() ? state : null;
    } catch {
      return null;
    }
  }
}

/** Members of the parameters that a client changes from round to round. */
const ROUND_MEMBERS: ReadonlySet<string> = new Set(['_meta', 'inputResponses', 'requestState']);

function textOf({ principal, method, params }: StateBinding): Buffer {
  const asked = Object.fromEntries(Object.entries(params).filter(([name]) => !ROUND_MEMBERS.has(name)));
  return createHash('sha256')
    .update(JSON.stringify([principal, method, sorted(asked)]))
    .digest();
}

/** The same value with the members of its objects in one order, however the client wrote them. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => [name, sorted(member)]);
}
