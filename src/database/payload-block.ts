import { deflateRawSync, inflateRawSync } from 'node:zlib';

/** So much of it tells whether compressing pays. */
const SAMPLE_BYTES = 16 * 1024;
/** Smaller ones are not worth the twenty microseconds that a compressor takes to begin. */
const LEAST_BYTES = 4 * 1024;
/**
 * What shrinks to less than a fourth, as messages do of which many are alike, is compressed in less time than it takes to
 * write it, twice, to a disk. What shrinks less takes up to ten times as long.
 */
const PAYS_AT = 4;
/** Of DEFLATE (RFC 1951): the fastest. */
const LEVEL = 1;

/** The payloads of a chunk as they are stored: as they are, or compressed (RFC 1951) where that is cheaper. */
export function packPayloads(raw: Buffer): Buffer {
  if (raw.length < LEAST_BYTES) return raw;
  if (raw.length > 2 * SAMPLE_BYTES) {
    const sample = deflateRawSync(raw.subarray(0, SAMPLE_BYTES), { level: LEVEL });
    if (sample.length * PAYS_AT > SAMPLE_BYTES) return raw;
  }
  const packed = deflateRawSync(raw, { level: LEVEL });
  return packed.length * PAYS_AT > raw.length ? raw : packed;
}

/** What was packed, of so many bytes; null: it is damaged. Nothing but the size says whether it was compressed. */
export function unpackPayloads(stored: Buffer, rawBytes: number): Buffer | null {
  if (stored.length === rawBytes) return stored;
  try {
    const raw = inflateRawSync(stored, { maxOutputLength: Math.max(1, rawBytes) });
    return raw.length === rawBytes ? raw : null;
  } catch {
    return null;
  }
}
