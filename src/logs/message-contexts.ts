import type { TrafficRecord } from '../mcp/traffic';
import type { CONTEXT } from './message-batch';
import { encodingOf, widthOf } from './text-width';

/** So many contexts of a session are kept: most have a request's and an answer's. */
const OF_SESSION = 8;
/** Sessions whose contexts are kept: a kilobyte each, also of those that are over. */
const MOST_SESSIONS = 256;
/** What is longer is not kept: nobody says how long a target may be. */
const MOST_CHARACTERS = 256;
/** So many of a session stay where they are. */
const WANTED_LAST = 2;

/** What some messages have in common. */
export type MessageContext = Pick<TrafficRecord, keyof typeof CONTEXT>;

export interface KnownContext {
  readonly context: MessageContext;
  /** Where it stands in the list of a batch, and in which one's. */
  place: number;
  batch: number;
}

/** The contexts of one session, the oldest replaced first. */
interface OfSession {
  known: KnownContext[];
  next: number;
}

/**
 * Finds what messages have in common, also with those of batches before: texts of a message that were listed anew for every
 * batch would outlive the collector's young generation each time.
 */
export class MessageContexts {
  private ofSession = new Map<string | null, OfSession>();
  private batches = 0;

  /** Number of a new batch; no two have the same. */
  nextBatch(): number {
    // Not emptied: V8 would leave the old table to point to the new one (ADR 47).
    if (this.ofSession.size > MOST_SESSIONS) this.ofSession = new Map();
    return ++this.batches;
  }

  /** The context of a message. */
  of(record: TrafficRecord): KnownContext {
    let session = this.ofSession.get(record.sessionId);
    if (session === undefined) this.ofSession.set(record.sessionId, (session = { known: [], next: 0 }));
    const found = find(session, record);
    if (found !== null) return found;
    const { toolId, toolName, sessionId, client, direction, kind, outcome } = record;
    const [method, target] = [ownCopy(record.method), ownCopy(record.target)];
    const known: KnownContext = {
      context: { toolId, toolName, sessionId, client, direction, kind, method, target, outcome },
      place: 0,
      batch: 0,
    };
    if ((method?.length ?? 0) + (target?.length ?? 0) > MOST_CHARACTERS) return known;
    session.known[session.next] = known;
    session.next = (session.next + 1) % OF_SESSION;
    return known;
  }
}

/** Those that were wanted last stand first, as a request's and its answer's do. */
function find({ known }: OfSession, record: TrafficRecord): KnownContext | null {
  for (let at = 0; at < known.length; at++) {
    const found = known[at];
    if (found === undefined || !isSame(found.context, record)) continue;
    const before = known[at >> 1];
    if (at >= WANTED_LAST && before !== undefined) {
      known[at >> 1] = found;
      known[at] = before;
    }
    return found;
  }
  return null;
}

/** V8 lets a part of a text keep the whole text: of a message whose method it is. */
function ownCopy(part: string | null): string | null {
  if (part === null || part.length > MOST_CHARACTERS) return part;
  const encoding = encodingOf(widthOf(part, null));
  return Buffer.from(part, encoding).toString(encoding);
}

/** Of one session. */
function isSame(known: MessageContext, record: TrafficRecord): boolean {
  return (
    known.direction === record.direction &&
    known.kind === record.kind &&
    known.outcome === record.outcome &&
    known.method === record.method &&
    known.target === record.target &&
    known.toolId === record.toolId &&
    known.toolName === record.toolName &&
    known.client === record.client
  );
}
