/**
 * A thread for the pieces of backups and restores, one at a time: copying, checking, packing, unpacking. Files of gigabytes
 * go through here, so that the event loop does not notice.
 */
import { setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { describePart, packFile, unpackFile } from './backup-file';
import { BackupRefusedError } from './backup.errors';
import type { BackupTasks, TaskMessage, TaskName, TaskRequest } from './backup-task.types';
import { restoreArchive } from './postgres-programs';
import { carryTables, copyIn, countPostgres, snapshotPostgres } from './postgres-snapshot.repository';
import { checkSqlite, copySqlite, countSqlite, replaceSqlite } from './sqlite-copy.repository';

const TELL_EVERY_MS = 200;
/** Of -20 to 19: a backup gives way to whoever wants the processor. */
const NICENESS = 10;

type Handlers = { [N in TaskName]: (given: BackupTasks[N]['given']) => Promise<BackupTasks[N]['answer']> };

let toldAt = 0;

function progress(done: number, total: number): void {
  const now = performance.now();
  if (now - toldAt < TELL_EVERY_MS && done !== total) return;
  toldAt = now;
  say({ type: 'progress', done, total });
}

function child(pid: number): void {
  say({ type: 'child', pid });
}

function say(message: TaskMessage): void {
  parentPort?.postMessage(message);
}

/** Told of pieces, tells of sums. */
function adder(total: number): (bytes: number) => void {
  let done = 0;
  return (bytes) => progress((done += bytes), total);
}

const HANDLERS: Handlers = {
  'sqlite.copy': ({ from, to }) => copySqlite(from, to, progress),
  'sqlite.check': ({ file }) => Promise.resolve(checkSqlite(file)),
  'sqlite.count': ({ file }) => Promise.resolve(countSqlite(file)),
  'sqlite.replace': ({ from, live }) => replaceSqlite(from, live, progress).then(() => null),
  'postgres.snapshot': (given) => snapshotPostgres(given, progress, child),
  'postgres.restore': ({ programs, ...given }) => restoreArchive(programs, given, child).then(() => null),
  'postgres.copy-in': (given) => copyIn(given, progress).then(() => null),
  'postgres.carry': ({ fromUrl, toUrl, tables }) => carryTables(fromUrl, toUrl, tables).then(() => null),
  'postgres.count': ({ url, withoutTables }) => countPostgres(url, withoutTables),
  describe: ({ folder, names }) => Promise.all(names.map((name) => describePart(folder, name))),
  pack: ({ target, header, folder, key }) =>
    packFile(target, header, folder, Buffer.from(key), adder(header.originalBytes)),
  unpack: ({ keys, ...given }) => {
    let done = 0;
    return unpackFile(given.file, {
      ...given,
      keys: new Map(keys.map(([id, key]) => [id, Buffer.from(key)])),
      onBytes: (bytes, total) => progress((done += bytes), total),
    });
  },
};

async function run({ name, given }: TaskRequest): Promise<void> {
  toldAt = 0;
  try {
    say({ type: 'done', answer: await (HANDLERS[name] as (value: unknown) => Promise<unknown>)(given) });
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: unknown };
    const refusal = error instanceof BackupRefusedError;
    say({ type: 'failed', message: String(message), code: typeof code === 'string' ? code : null, refusal });
  }
}

try {
  // On Linux that is this thread alone.
  if (process.platform === 'linux') setPriority(0, NICENESS);
} catch {
  // Not allowed here: then it runs as all others do.
}
parentPort?.on('message', (request: TaskRequest) => void run(request));
