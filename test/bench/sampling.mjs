/**
 * What watching tools costs: `npm run bench:sampling` (after `npm run build`). Linux only.
 * Starts real idle children, each the leader of its own process group, and takes samples of them as the program does.
 * Prints one line a figure with its limit and ends with 1 if a limit is exceeded. Figures of a busy machine are worth little.
 */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';

const { GroupUsageReader } = createRequire(import.meta.url)('../../dist/src/supervisor/group-usage.js');
const { LiveSeries } = createRequire(import.meta.url)('../../dist/src/metrics/live-series.js');

const INTERVAL_MS = 5_000;
const ROUNDS = 120;
const CALLS = 1_000_000;
const LIMITS = {
  'sampling 100 tools (% of one core)': 1,
  'sampling 500 tools (% of one core)': 5,
  'longest work without a turn of the event loop, 500 tools (ms)': 10,
  'an hour of 100 busy tools in memory (MB)': 10,
  'counting one call (us)': 2,
};

const children = [];
const figures = {};

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};
const clock = { now: () => Date.now(), monotonic: () => performance.now() };

async function grow(count) {
  while (children.length < count) children.push(spawn('sleep', ['600'], { detached: true, stdio: 'ignore' }));
  await pause(1_000);
}

/**
 * CPU milliseconds of one round, and the most of them between two turns of the event loop (the median of all rounds). CPU
 * and not time that passes: on a busy machine the latter tells of others.
 */
async function measure(pids) {
  const reader = new GroupUsageReader(clock);
  for (let round = 0; round < 12; round++) await reader.sample(pids);
  const stalls = [];
  const before = cpuMs();
  for (let round = 0; round < ROUNDS; round++) {
    let last = cpuMs();
    let longest = 0;
    const beat = () => {
      const now = cpuMs();
      longest = Math.max(longest, now - last);
      last = now;
    };
    let isOver = false;
    const watch = () => {
      beat();
      if (!isOver) setImmediate(watch);
    };
    setImmediate(watch);
    await reader.sample(pids);
    beat();
    isOver = true;
    stalls.push(longest);
  }
  const used = (cpuMs() - before) / ROUNDS;
  if (reader.read(pids.at(-1))?.processes !== 1) throw new Error('The last child was not found');
  return { used, stalls: median(stalls) };
}

function countCalls() {
  const series = new LiveSeries();
  const began = performance.now();
  for (let call = 0; call < CALLS; call++) {
    // 1,000 calls a second.
    const point = series.at(call);
    point.count('calls');
    point.duration(1 + (call % 500));
  }
  return ((performance.now() - began) / CALLS) * 1_000;
}

/** 100 tools with calls in each step; `--expose-gc` makes it exact. */
function fillMemory() {
  globalThis.gc?.();
  const before = process.memoryUsage();
  const all = Array.from({ length: 100 }, () => new LiveSeries());
  for (let at = 0; at < 3_600_000; at += INTERVAL_MS) {
    for (const series of all) {
      const point = series.at(at);
      point.sample('cpuPercent', (at % 1_000) / 10);
      point.sample('memoryBytes', 100_000_000 + at);
      point.count('calls', 10);
      point.count('errors');
      for (let call = 0; call < 10; call++) point.duration(5 + call);
    }
  }
  for (const series of all) for (const [minute, unsaved] of series.unsaved) series.saved(minute, unsaved);
  globalThis.gc?.();
  const after = process.memoryUsage();
  if (all.length !== 100) throw new Error('gone');
  return (after.heapUsed + after.external - before.heapUsed - before.external) / 1_048_576;
}

try {
  for (const count of [100, 500]) {
    await grow(count);
    const { used, stalls } = await measure(children.map(({ pid }) => pid));
    figures[`sampling ${count} tools (% of one core)`] = (used / INTERVAL_MS) * 100;
    figures['longest work without a turn of the event loop, 500 tools (ms)'] = stalls;
    console.log(`         one sample of ${count} groups: ${used.toFixed(2)} ms of CPU`);
  }
} finally {
  for (const child of children) child.kill('SIGKILL');
}
figures['an hour of 100 busy tools in memory (MB)'] = fillMemory();
figures['counting one call (us)'] = countCalls();

let exceeded = false;
for (const [name, limit] of Object.entries(LIMITS)) {
  const ok = figures[name] <= limit;
  exceeded ||= !ok;
  console.log(`${ok ? 'ok      ' : 'EXCEEDED'} ${name}: ${figures[name].toFixed(3)} (limit ${limit})`);
}
process.exitCode = exceeded ? 1 : 0;
