import { timePart } from '../common/ids';
import { CELL, CELLS, type ChunkHead, MARK } from './chunk-format';
import { chunkKeys } from './chunk-keys';
import { packPayloads } from './payload-block';
import { ID_LENGTH, ID_TAIL_FROM, MADE_ID, type MessageValues } from './message-columns';

/** Messages of one chunk at most, and characters of their payloads: what a page has to unpack to show one of them. */
export const MOST_ROWS = 512;
export const MOST_CHARACTERS = 512 * 1024;
/** UTF-8 has so many bytes for a UTF-16 unit at most. */
export const UTF8_BYTES = 3;
/** Larger than this a scratch buffer is not kept. */
const SCRATCH_BYTES = 1024 * 1024;

/** Some messages that follow each other, as one row of SQLite. The buffers hold until the next chunk is packed. */
export interface PackedChunk {
  first: number;
  last: number;
  rows: number;
  minAt: number;
  maxAt: number;
  /** The longest duration; null where none has one. */
  maxMs: number | null;
  head: string;
  cells: Buffer;
  /** As `packPayloads` has it. */
  payloads: Buffer;
  /** By what the chunk is found: see `chunkKeys`. */
  keys: string[];
}

const NO_SOURCE = new Uint8Array(0);
let scratch = Buffer.allocUnsafe(SCRATCH_BYTES);
const scratchCells = new Float64Array(MOST_ROWS * CELLS);

/** A chunk that is being made, of MOST_ROWS messages at most. There is one at a time: all write to the same buffers. */
export class ChunkPacking {
  private readonly head: ChunkHead = { contexts: [], tails: [''], ids: {}, rpcIds: {} };
  private rows = 0;
  private bytes = 0;
  private last: number;
  private minAt = Infinity;
  private maxAt = -Infinity;
  private maxMs = NaN;
  private tail = 0;
  private tailText = '';
  private timeAt = NaN;
  private time = '';
  /** What is to be copied of `source`. */
  private runStart = 0;
  private runEnd = 0;

  /** `first`: the number of its first message. `source`: what `copyPayload` copies from. */
  constructor(
    private readonly first: number,
    private readonly source: Uint8Array = NO_SOURCE,
  ) {
    this.last = first;
  }

  get contexts(): ChunkHead['contexts'] {
    return this.head.contexts;
  }

  /** Makes room for so many bytes of payloads still to come. */
  reserve(bytes: number): void {
    const needed = this.bytes + bytes;
    if (scratch.length >= needed) return;
    this.copyRun();
    const larger = Buffer.allocUnsafe(Math.max(needed, 2 * scratch.length));
    scratch.copy(larger, 0, 0, this.bytes);
    scratch = larger;
  }

  /** The place that `add` wants, of values in the order of `contextOf`. */
  addContext(context: (string | null)[]): number {
    return this.head.contexts.push(context) - 1;
  }

  /** The id that the next message answers to, as it is stored. */
  rpcId(text: MessageValues[number] | undefined): number {
    if (typeof text !== 'string') return NaN;
    const number = Number(text);
    if (String(number) === text) return number;
    this.head.rpcIds[this.rows] = text;
    return NaN;
  }

  /** The id of the next message as a part of its mark. Ids of a batch differ by their time and a count. */
  id(id: string, at: number): number {
    if (at !== this.timeAt) {
      this.timeAt = at;
      this.time = timePart(at);
    }
    const isOfBatch = this.tail !== 0 && id.length === ID_LENGTH && id.endsWith(this.tailText);
    if (!id.startsWith(this.time) || !(isOfBatch || MADE_ID.test(id))) {
      this.head.ids[this.rows] = id;
      return 0;
    }
    if (!isOfBatch) this.takeTail(id.slice(ID_TAIL_FROM));
    return this.madeId(Number.parseInt(id.slice(ID_TAIL_FROM - 3, ID_TAIL_FROM), 16));
  }

  /** As `id`, of what BatchIds makes of a tail (see `takeTail`), a count below 4,096 and the time of the message. */
  madeId(count: number): number {
    return this.tail * MARK.tail + count * MARK.count;
  }

  takeTail(tail: string): void {
    const known = this.head.tails.indexOf(tail);
    this.tail = known === -1 ? this.head.tails.push(tail) - 1 : known;
    this.tailText = tail;
  }

  /** The payload of the next message; there must be room (see `reserve`). */
  writePayload(text: string): void {
    this.copyRun();
    this.bytes += scratch.write(text, this.bytes);
  }

  /** As `writePayload`, of a text that stands in `source` in ASCII: those that stand one behind the other are copied at once. */
  copyPayload(start: number, end: number): void {
    if (start !== this.runEnd) {
      this.copyRun();
      this.runStart = start;
    }
    this.runEnd = end;
    this.bytes += end - start;
  }

  /** `durationMs`, `rpcId`: NaN where there is none. `mark`: whether there is a payload, whether it is cut, and the id. */
  add(
    seq: number,
    at: number,
    context: number,
    durationMs: number,
    sizeBytes: number,
    rpcId: number,
    mark: number,
  ): void {
    const cell = this.rows * CELLS;
    scratchCells[cell + CELL.offset] = seq - this.first;
    scratchCells[cell + CELL.at] = at;
    scratchCells[cell + CELL.context] = context;
    scratchCells[cell + CELL.durationMs] = durationMs;
    scratchCells[cell + CELL.sizeBytes] = sizeBytes;
    scratchCells[cell + CELL.rpcId] = rpcId;
    scratchCells[cell + CELL.payloadEnd] = this.bytes;
    scratchCells[cell + CELL.mark] = mark;
    this.rows++;
    this.last = seq;
    if (at < this.minAt) this.minAt = at;
    if (at > this.maxAt) this.maxAt = at;
    if (!(durationMs <= this.maxMs) && !Number.isNaN(durationMs)) this.maxMs = durationMs;
  }

  /** What was copied last, which is counted already. */
  private copyRun(): void {
    if (this.runEnd === this.runStart) return;
    const length = this.runEnd - this.runStart;
    scratch.set(this.source.subarray(this.runStart, this.runEnd), this.bytes - length);
    this.runStart = this.runEnd;
  }

  finish(): PackedChunk {
    this.copyRun();
    const { first, last, rows, minAt, maxAt, head } = this;
    const maxMs = Number.isNaN(this.maxMs) ? null : this.maxMs;
    const payloads = packPayloads(scratch.subarray(0, this.bytes));
    if (scratch.length > SCRATCH_BYTES) scratch = Buffer.allocUnsafe(SCRATCH_BYTES);
    return {
      first,
      last,
      rows,
      minAt,
      maxAt,
      maxMs,
      head: JSON.stringify(head),
      cells: Buffer.from(scratchCells.buffer, 0, rows * CELLS * 8),
      payloads,
      keys: chunkKeys(head, maxMs),
    };
  }
}
