/** See killed-writer.ts: writes batch after batch, and says the number of each once it is safe. */
import { DatabaseWriters } from '../../src/database/database-writers';
import { LogStorage, type LogTarget } from '../../src/database/log-database';
import { LogWriter } from '../../src/logs/log-writer';
import { openWriterThread } from '../../src/logs/writer-line';
import { aMessageBatch } from './a-message-batch';

const { target, spoolFolder, from } = JSON.parse(process.argv[2] ?? '') as {
  target: LogTarget;
  spoolFolder: string;
  from: number;
};

async function run(): Promise<void> {
  const writer = new LogWriter(openWriterThread(new LogStorage(target, spoolFolder, 2 ** 29)), new DatabaseWriters());
  const alive = setInterval(() => undefined, 1_000);
  for (let batch = from; ; batch++) {
    const records = Array.from({ length: 20 }, () => ({ rpcId: batch, at: Date.now(), payload: '{}' }));
    await writer.writeMessages(aMessageBatch(...records));
    process.stdout.write(`${batch}\n`);
    alive.refresh();
  }
}

void run();
