import { randomUUID } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

const SHAPE = /^[0-9a-f-]{36}$/;

/**
 * Names this installation (one data folder) for ever. Children carry it in their environment: after a crash of ours, and
 * only with the instance lock in hand, whatever still carries it is a leftover. No secret.
 */
export function installationId(file: string): string {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  if (!existsSync(file)) {
    // Whole or not at all: a half id after a crash would hide the leftovers of before.
    const draft = `${file}.${process.pid}.tmp`;
    writeFileSync(draft, `${randomUUID()}\n`, { mode: 0o600, flush: true });
    try {
      linkSync(draft, file);
    } finally {
      rmSync(draft, { force: true });
    }
  }
  const id = readFileSync(file, 'utf8').trim();
  if (!SHAPE.test(id)) throw new Error(`${file} is damaged: remove it while MCPS.ONE is stopped`);
  return id;
}
