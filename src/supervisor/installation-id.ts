import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Names this installation: one data folder at its place. Children carry it in their environment: after a crash of ours,
 * and only with the instance lock in hand, whatever still carries it is a leftover. The folder's place on its device
 * stands beside the id, so that a copy of the folder gets an id of its own and never takes the children of the original
 * for its leftovers. No secret.
 */
export function installationId(file: string): string {
  const folder = dirname(file);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { dev, ino } = statSync(folder);
  const place = `${dev}:${ino}`;
  const [id, knownPlace] = readWords(file);
  if (id !== undefined && /^[0-9a-f-]{36}$/.test(id) && knownPlace === place) return id;
  const fresh = randomUUID();
  // Whole or not at all: half an id after a crash would hide the leftovers of before.
  const draft = `${file}.${process.pid}.tmp`;
  writeFileSync(draft, `${fresh} ${place}\n`, { mode: 0o600, flush: true });
  renameSync(draft, file);
  return fresh;
}

function readWords(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').trim().split(' ');
  } catch {
    return [];
  }
}
