/**
 * The thread that writes the logs: with its own connection and the spool, so that neither a slow disk nor masking nor JSON
 * keeps the event loop. It loads the driver that it needs and nothing else.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { LogStore } from './log-store';
import type { WriterData, WriterRequest } from './log-writer.types';
import { PostgresLogStore } from './postgres-log.repository';
import { Spool } from './spool';
import { SqliteLogStore } from './sqlite-log.repository';
import { makeWay } from './thread-priority';
import { writerGarbage } from './writer-garbage';
import { WriterProgram } from './writer-program';

const SEGMENT_BYTES = 16 * 1024 * 1024;

makeWay();

const { target, spoolFolder, spoolMaxBytes } = workerData as WriterData;
const store: LogStore = target.type === 'sqlite' ? new SqliteLogStore(target.file) : new PostgresLogStore(target.url);
const program = new WriterProgram({
  store,
  spool: new Spool(spoolFolder, { maxBytes: spoolMaxBytes, segmentBytes: SEGMENT_BYTES }),
  say: (message) => {
    parentPort?.postMessage(message);
    if (message.type === 'closed') parentPort?.close();
  },
  now: Date.now,
});
const garbage = writerGarbage();
parentPort?.on('message', (request: WriterRequest) => {
  program.handle(request);
  garbage?.look();
});
