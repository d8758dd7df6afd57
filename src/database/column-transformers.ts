import type { ValueTransformer } from 'typeorm';

/** 64-bit integers come as text from PostgreSQL; all ours (epoch milliseconds, sizes, sequences) are safe integers. */
export const safeInteger: ValueTransformer = {
  to: (value: unknown) => value,
  from: (value: unknown) => (typeof value === 'string' ? Number(value) : value),
};
