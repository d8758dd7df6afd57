/**
 * What deleting costs: `npm run bench:retention` (after `npm run build`). Fills a SQLite log file with 1,000,000 messages,
 * deletes all of them piece by piece while 200 messages a second are recorded, and gives the space back. Ends with 1 where a
 * limit is exceeded.
 *
 * `--rows=N` for fewer rows, `--folder=PATH` for a folder that is kept, `--fill` to fill it and stop.
 */
import { statSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fill, load, openBench, option, report } from './log-bench.mjs';

const { LogPruner } = load('dist/src/logs/log-pruner.js');
const ROWS = option('rows', 1_000_000);
const LOCK_LIMIT_MS = 250;

const bench = await openBench();
await fill(bench, ROWS);
if (process.argv.includes('--fill')) process.exit();
const { recorder, writer, close } = bench.record();
const pieces = [];
const upkeep = writer.upkeep.bind(writer);
let isReady = false;
writer.upkeep = async (work) => {
  const done = await upkeep(work);
  if (isReady) pieces.push({ ...done, task: work.task });
  return done;
};
const pruner = new LogPruner(writer);
const signal = new AbortController().signal;

// Rows of the fill are counted first, as after an upgrade.
const counted = performance.now();
while ((await pruner.measure()).isBehind);
report('rolled up first, s', (performance.now() - counted) / 1000);
isReady = true;

const sizeBefore = statSync(bench.file).size;
const record = () =>
  recorder.record({
    at: Date.now(),
    toolId: 't',
    toolName: 't',
    sessionId: 's',
    client: 'bench',
    direction: 'to-server',
    kind: 'request',
    method: 'tools/call',
    target: 'x',
    rpcId: 1,
    outcome: null,
    durationMs: null,
    sizeBytes: 2,
    payload: '{}',
  });
const traffic = setInterval(record, 5);
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
let walMost = 0;
const walLook = setInterval(() => (walMost = Math.max(walMost, statSync(`${bench.file}-wal`).size)), 50);
const before = Date.now();
const began = performance.now();
let deleted = 0;
await pruner.deleteBefore('mcp', before, Infinity, signal, (_, rows) => (deleted += rows));
const deletedMs = performance.now() - began;
const deletions = pieces.splice(0);
await pruner.finish(signal);
const allMs = performance.now() - began;
clearInterval(traffic);
clearInterval(walLook);
delay.disable();

const longest = (list) => Math.max(0, ...list.map(({ tookMs }) => tookMs));
const p99 = (list) => list.map(({ tookMs }) => tookMs).sort((a, b) => a - b)[Math.floor(list.length * 0.99)] ?? 0;
report('rows deleted', deleted);
report('deleting, s', deletedMs / 1000);
report('giving back, s', (allMs - deletedMs) / 1000);
report('rows a second', deleted / (deletedMs / 1000));
report('pieces', deletions.length);
report('lock held by a deletion, p99 ms', p99(deletions));
report('lock held by a deletion, longest ms', longest(deletions), LOCK_LIMIT_MS);
report(
  'lock held by giving back, longest ms',
  longest(pieces.filter(({ task }) => task === 'give-back')),
  LOCK_LIMIT_MS,
);
report('last checkpoint, longest ms', longest(pieces.filter(({ task }) => task === 'finish')));
report('event loop delay p99, ms', delay.percentile(99) / 1e6);
report('records dropped meanwhile', recorder.counters.dropped, 0);
report('write-ahead log, most MiB', walMost / 2 ** 20);
report('file before, MiB', sizeBefore / 2 ** 20);
await close();
report('file after (roll-ups stay), MiB', statSync(bench.file).size / 2 ** 20);
await bench.close();
