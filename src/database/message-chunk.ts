import { MARK } from './chunk-format';
import { ChunkPacking, MOST_CHARACTERS, MOST_ROWS, type PackedChunk, UTF8_BYTES } from './chunk-packing';
import { contextOf, type MessageValues, OF } from './message-columns';

/** A message with its number. */
export interface NumberedMessage {
  seq: number;
  values: MessageValues;
}

/**
 * Packs messages into as few chunks as their size allows: a row of its own for each message costs SQLite ten times as much.
 * Their numbers must rise. @throws InvalidMessageError
 */
export function* packChunks(messages: readonly NumberedMessage[]): Generator<PackedChunk> {
  let start = 0;
  while (start < messages.length) {
    let end = start;
    for (let characters = 0; end < messages.length && end - start < MOST_ROWS && characters < MOST_CHARACTERS; end++) {
      characters += lengthOf(messages[end]?.values[OF.payload]);
    }
    yield pack(messages, start, end);
    start = end;
  }
}

/** A message that lacks what every message has: none that was packed by us. */
export class InvalidMessageError extends Error {
  /** As SQLite calls a value of the wrong type. */
  readonly code = 'SQLITE_MISMATCH';
}

function pack(messages: readonly NumberedMessage[], start: number, end: number): PackedChunk {
  const packing = new ChunkPacking(messages[start]?.seq ?? 0);
  const contexts = new FoundContexts(packing);
  let characters = 0;
  for (let place = start; place < end; place++) characters += lengthOf(messages[place]?.values[OF.payload]);
  packing.reserve(characters * UTF8_BYTES);
  for (let place = start; place < end; place++) {
    const message = messages[place];
    if (message) add(packing, contexts, message);
  }
  return packing.finish();
}

function add(packing: ChunkPacking, contexts: FoundContexts, { seq, values }: NumberedMessage): void {
  const at = values[OF.at];
  const sizeBytes = values[OF.sizeBytes];
  const durationMs = values[OF.durationMs];
  const payload = values[OF.payload];
  const id = values[OF.id];
  if (typeof at !== 'number' || typeof sizeBytes !== 'number') {
    throw new InvalidMessageError('A message has no time or no size');
  }
  if (typeof id !== 'string') throw new InvalidMessageError('A message has no id');
  const context = contexts.placeOf(values);
  const rpcId = packing.rpcId(values[OF.rpcId]);
  if (typeof payload === 'string') packing.writePayload(payload);
  const mark = (typeof payload === 'string' ? MARK.payload : 0) + (values[OF.truncated] === 1 ? MARK.truncated : 0);
  packing.add(
    seq,
    at,
    context,
    typeof durationMs === 'number' ? durationMs : NaN,
    sizeBytes,
    rpcId,
    mark + packing.id(id, at),
  );
}

/** Finds what a message has in common with those before it, in one chunk. */
class FoundContexts {
  /** By the session, the part that differs most. */
  private readonly found = new Map<string | null, number[]>();

  constructor(private readonly packing: ChunkPacking) {}

  placeOf(values: MessageValues): number {
    const session = values[OF.sessionId];
    if (typeof session !== 'string' && session !== null) throw new InvalidMessageError('A message has a wrong session');
    let known = this.found.get(session);
    if (known === undefined) this.found.set(session, (known = []));
    for (const place of known) {
      if (isSame(this.packing.contexts[place], values)) return place;
    }
    const context = contextOf(values);
    if (context === null) throw new InvalidMessageError('A message lacks its tool, direction or kind');
    const place = this.packing.addContext(context);
    known.push(place);
    return place;
  }
}

function isSame(context: (string | null)[] | undefined, values: MessageValues): boolean {
  if (context === undefined) return false;
  return (
    context[0] === values[OF.toolId] &&
    context[1] === values[OF.toolName] &&
    context[3] === values[OF.client] &&
    context[4] === values[OF.direction] &&
    context[5] === values[OF.kind] &&
    context[6] === values[OF.method] &&
    context[7] === values[OF.target] &&
    context[8] === values[OF.outcome]
  );
}

function lengthOf(payload: MessageValues[number] | undefined): number {
  return typeof payload === 'string' ? payload.length : 0;
}
