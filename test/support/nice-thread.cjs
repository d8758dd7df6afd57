/** For a test: makes way as the writer's thread does, says which thread it is, and ends when it is told to. */
const { readlinkSync } = require('node:fs');
const { basename } = require('node:path');
const { parentPort, workerData } = require('node:worker_threads');

require(workerData).makeWay();
parentPort.postMessage(basename(readlinkSync('/proc/thread-self')));
parentPort.once('message', () => parentPort.close());
