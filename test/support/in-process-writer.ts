import { DatabaseWriters } from '../../src/database/database-writers';
import { LogWriter } from '../../src/logs/log-writer';
import type { WriterMessage } from '../../src/logs/log-writer.types';
import { Spool } from '../../src/logs/spool';
import type { OpenLine } from '../../src/logs/writer-line';
import { WriterProgram } from '../../src/logs/writer-program';
import { MemoryLogStore } from './memory-log-store';
import { temporaryFolder } from './temporary-folder';

/** The writer as the application has it, its program in this thread and its rows in memory. Call `removeTemporaryFolders` after. */
export function anInProcessWriter(limits: { maxBytes?: number; segmentBytes?: number } = {}) {
  const store = new MemoryLogStore();
  const folder = temporaryFolder();
  const writers = new DatabaseWriters();
  const said: WriterMessage[] = [];
  const openLine: OpenLine = ({ onMessage }) => {
    const program = new WriterProgram({
      store,
      spool: new Spool(folder, { maxBytes: limits.maxBytes ?? 2 ** 26, segmentBytes: limits.segmentBytes ?? 2 ** 24 }),
      say: (message) => {
        said.push(message);
        onMessage(structuredClone(message));
      },
      now: Date.now,
    });
    return {
      // As between threads: nothing is shared.
      post: (request) => program.handle(structuredClone(request)),
      hold: () => undefined,
      end: () => Promise.resolve(),
    };
  };
  return { store, folder, writers, said, openLine, writer: new LogWriter(openLine, writers) };
}
