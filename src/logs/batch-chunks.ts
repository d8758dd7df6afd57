import { LAST_ID_COUNT } from '../common/ids';
import { HINT } from '../common/secret-hints';
import { MARK } from '../database/chunk-format';
import { ChunkPacking, MOST_CHARACTERS, MOST_ROWS, type PackedChunk, UTF8_BYTES } from '../database/chunk-packing';
import { type LogState, noteTime } from './log-store';
import { cappedOf, type RowContext, rpcIdText, toRowContext } from './mcp-row';
import { BatchReader, type MessageBatch, readContexts } from './message-batch';
import { PAYLOAD_CAP } from './payload-cap';
import type { Redaction } from './redaction';
import type { RollUpBatch } from './roll-up-batch';
import { giveWay } from './thread-priority';

/** Ids hold a time of 48 bits. */
const LAST_TIME = 2 ** 48;
/** Some fiftieth of a millisecond. */
const ROWS_IN_ONE_GO = 32;
/** In place of a place in the chunk that is being made: it is not there yet. */
const NOWHERE = -1;

/**
 * The messages of a batch on their way into chunks, without becoming rows: a text that has nothing to be hidden, as nearly
 * all, is copied from memory to memory, and no object or text is made of a message. What comes out is what its rows
 * (mcp-row.ts) would be packed to.
 */
export class BatchChunks {
  readonly contexts: readonly RowContext[];
  private readonly reader: BatchReader;
  /** Of each context, where it stands in the chunk that is being made. */
  private readonly places: Int32Array;

  constructor(
    private readonly batch: MessageBatch,
    redaction: Redaction,
  ) {
    this.reader = new BatchReader(batch);
    this.contexts = readContexts(batch.contexts, (context) => toRowContext(context, redaction));
    this.places = new Int32Array(this.contexts.length);
  }

  /** What ids of all its messages end with. */
  get idTail(): string {
    return this.batch.idTail;
  }

  /** Whether its ids can be made of times and counts: always, but for clocks that are out of this world. */
  get isRegular(): boolean {
    for (let row = 0; row < this.reader.count; row++) {
      const at = this.reader.at(row);
      if (!(at >= 0 && at < LAST_TIME && Number.isInteger(at))) return false;
    }
    return true;
  }

  /** Packs all messages; `state` gives them their numbers and learns their times. A chunk must be used before the next one. */
  *pack(state: LogState): Generator<PackedChunk> {
    const { reader } = this;
    for (let row = 0; row < reader.count;) {
      const packing = new ChunkPacking(state.nextSeq, reader.bytes);
      packing.takeTail(this.batch.idTail);
      this.places.fill(NOWHERE);
      const end = Math.min(reader.count, row + MOST_ROWS);
      for (let characters = 0; row < end && characters < MOST_CHARACTERS; row++) {
        characters += this.add(packing, row, state);
        if (row % ROWS_IN_ONE_GO === 0) giveWay();
      }
      const packed = packing.finish();
      giveWay();
      yield packed;
      giveWay();
    }
  }

  /** Adds what was packed to the roll-ups. */
  count(batch: RollUpBatch): void {
    const { reader } = this;
    for (let row = 0; row < reader.count; row++) {
      batch.addMessage(reader.at(row), this.contextOf(row), reader.durationMs(row));
    }
  }

  /** Says how many characters its payload has. */
  private add(packing: ChunkPacking, row: number, state: LogState): number {
    const { reader } = this;
    const number = reader.context(row);
    const context = this.contextOf(row);
    let place = this.places[number] ?? NOWHERE;
    if (place === NOWHERE) this.places[number] = place = packing.addContext(valuesOf(context));
    const at = reader.at(row);
    const given = reader.rpcId(row);
    // As JSON has no other zero.
    const rpcId = typeof given === 'number' ? given + 0 : packing.rpcId(rpcIdText(given));
    let [mark, characters] = [packing.madeId((this.batch.firstId + row) & LAST_ID_COUNT), 0];
    if (reader.width(row) !== 0) {
      mark += MARK.payload;
      const hint = reader.hint(row);
      if (hint === HINT.ascii && this.isCopied(row, context)) {
        characters = reader.headEnd(row) - reader.start(row);
        packing.reserve(characters);
        packing.copyPayload(reader.start(row), reader.headEnd(row));
      } else {
        const { text, truncated } = cappedOf(reader.text(row, hint), context);
        if (truncated) mark += MARK.truncated;
        characters = text.length;
        packing.reserve(characters * UTF8_BYTES);
        packing.writePayload(text);
      }
    }
    packing.add(state.nextSeq++, at, place, reader.durationMs(row), reader.sizeBytes(row), rpcId, mark);
    noteTime(state, at);
    return characters;
  }

  /** Whether a payload of ASCII that has nothing to be hidden by its look is stored as it stands in memory. */
  private isCopied(row: number, { mask }: RowContext): boolean {
    const { reader } = this;
    return reader.tailEnd(row) === 0 && reader.headEnd(row) - reader.start(row) <= PAYLOAD_CAP && !mask.knowsValues;
  }

  private contextOf(row: number): RowContext {
    const context = this.contexts[this.reader.context(row)];
    if (context === undefined) throw new Error('A message of a batch has no context');
    return context;
  }
}

/** In the order of `contextOf` (message-columns.ts). */
function valuesOf(context: RowContext): (string | null)[] {
  const { toolId, toolName, sessionId, client, direction, kind, method, target, outcome } = context;
  return [toolId, toolName, sessionId, client, direction, kind, method, target, outcome];
}
