/**
 * For a test: makes way as the writer's thread does, says which thread it is and how often it slept in a piece of work, and
 * ends when it is told to.
 */
const { readFileSync, readlinkSync } = require('node:fs');
const { basename } = require('node:path');
const { parentPort, workerData } = require('node:worker_threads');

const WORK_MS = 30;

/** How often it has given up its core by itself (proc(5)); NaN: nobody tells. */
function sleeps() {
  try {
    return Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(readFileSync('/proc/thread-self/status', 'utf8'))?.[1]);
  } catch {
    return NaN;
  }
}

function sleepsInWork(giveWay) {
  const before = sleeps();
  const until = performance.now() + WORK_MS;
  while (performance.now() < until) giveWay();
  return sleeps() - before;
}

const { makeWay, giveWay } = require(workerData);
const slept = { before: sleepsInWork(giveWay) };
makeWay();
slept.after = sleepsInWork(giveWay);
parentPort.postMessage({ thread: basename(readlinkSync('/proc/thread-self')), slept });
parentPort.once('message', () => parentPort.close());
