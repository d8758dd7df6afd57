import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { DatabaseWriters } from '../../src/database/database-writers';
import { LogStorage, type LogTarget } from '../../src/database/log-database';
import { LogWriter } from '../../src/logs/log-writer';
import { Recorder } from '../../src/logs/recorder.service';
import { openWriterThread, type WriterLine } from '../../src/logs/writer-line';
import { TrafficTap } from '../../src/mcp/traffic-tap';
import { aTrafficRecord } from './a-traffic-record';

/** A recorder with its thread, as the application has them, on a database and a spool folder. */
export function startRecording(target: LogTarget, spoolFolder: string, spoolMaxBytes = 2 ** 29) {
  const writers = new DatabaseWriters();
  const open = openWriterThread(new LogStorage(target, spoolFolder, spoolMaxBytes));
  let line: WriterLine | null = null;
  const writer = new LogWriter((listener) => (line = open(listener)), writers);
  const recorder = new Recorder(writer, new TrafficTap());
  recorder.onModuleInit();
  let sent = 0;
  return {
    recorder,
    writer,
    /** Records the next messages, numbered by their `rpcId` from 0 on. */
    send(count: number, payload?: string): void {
      for (let n = 0; n < count; n++, sent++) {
        recorder.record(aTrafficRecord({ rpcId: sent, at: Date.now(), ...(payload === undefined ? {} : { payload }) }));
      }
    },
    get sent(): number {
      return sent;
    },
    /** Sends at a rate; gives the longest time and the 99th percentile that the event loop was kept, in milliseconds. */
    async sendFor(ms: number, perSecond: number): Promise<{ p99Ms: number }> {
      const delay = monitorEventLoopDelay({ resolution: 1 });
      delay.enable();
      const began = performance.now();
      const before = sent;
      while (performance.now() - began < ms) {
        const due = before + Math.floor(((performance.now() - began) / 1000) * perSecond);
        if (due > sent) this.send(due - sent);
        await pause(2);
      }
      delay.disable();
      return { p99Ms: delay.percentile(99) / 1e6 };
    },
    /** Waits until the database has all. */
    async drained(limitMs = 60_000): Promise<void> {
      const until = performance.now() + limitMs;
      while (recorder.counters.queued > 0) {
        if (performance.now() > until) throw new Error(`Not drained: ${JSON.stringify(recorder.counters)}`);
        await recorder.settled();
        await pause(20);
      }
    },
    killThread: () => line?.end(),
    close: () => writers.flushAll(),
  };
}
