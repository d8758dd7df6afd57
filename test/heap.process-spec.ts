import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const MEMORY = join(__dirname, '../dist/src/start-memory.js');
const MB = 1024 * 1024;

/** Makes what outlives the young generation for some seconds, first with pauses and then without, and says how large that got. */
const SCRIPT = `
  const { getHeapSpaceStatistics } = require('node:v8');
  const { settleMemory } = require(process.argv[1]);
  const young = () => getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space').space_size;
  let kept = [];
  let largest = 0;
  const make = () => {
    if (kept.length >= 40) kept = [];
    kept.push(Array.from({ length: 10_000 }, (_, at) => ({ at })));
    largest = Math.max(largest, young());
  };
  const quiet = () => {
    make();
    return new Promise((resolve) => setTimeout(resolve, 40));
  };
  const busy = () => {
    const until = performance.now() + 5;
    make();
    while (performance.now() < until);
    return new Promise((resolve) => setImmediate(resolve));
  };
  const measured = async (work, rounds) => {
    largest = 0;
    for (let round = 0; round < rounds; round++) await work();
    return largest;
  };
  settleMemory();
  measured(quiet, 100).then(async (whenQuiet) => {
    console.log(JSON.stringify({ whenQuiet, whenBusy: await measured(busy, 2_000) }));
  });
`;

describe('the young generation of the heap', () => {
  it('grows to what a quiet program needs, and under load to twice that', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', SCRIPT, MEMORY]);
    expect(JSON.parse(stdout)).toEqual({ whenQuiet: 8 * MB, whenBusy: 16 * MB });
  });
});

/** Starts a thread as the log writer is started, and says whether it can collect what is in its heap. */
const THREAD = `
  require(process.argv[1]);
  const { Worker } = require('node:worker_threads');
  const source = \`
    const { parentPort } = require('node:worker_threads');
    const { writerGarbage } = require(require('node:worker_threads').workerData);
    parentPort.postMessage(writerGarbage() !== null);
  \`;
  new Worker(source, { eval: true, workerData: process.argv[2] }).once('message', (can) => console.log(can));
`;

describe('the heap of the thread that writes the logs', () => {
  it('can be collected by that thread', async () => {
    const garbage = join(__dirname, '../dist/src/logs/writer-garbage.js');
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', THREAD, MEMORY, garbage]);
    expect(stdout.trim()).toBe('true');
  });
});
