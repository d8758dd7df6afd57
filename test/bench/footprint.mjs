/**
 * What the built program costs when nothing happens: `npm run bench:footprint` (after `npm run build`; about 6 minutes).
 * Prints one line a figure with its limit and ends with 1 if a limit is exceeded. Figures of a busy machine are worth little.
 *
 * Idle is who has had nothing to do for a minute: by then V8 has thrown away what a start leaves behind (it begins with that
 * up to 50 s later, and takes a third of a second of CPU for it), and threads without work have ended.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const STARTS = 5;
/** Tools that are silent are asked once a minute whether they are there: that is part of idling. */
const IDLE_SECONDS = 60;
const SETTLE_SECONDS = 60;
const TOOLS = 20;
const LIMITS = {
  'start to listening (ms, median)': 2000,
  'idle memory (MB)': 150,
  'each idle stdio tool adds (MB)': 1,
  'idle with 20 tools (% of a core)': null,
  'idle with 20 tools and an event stream (% of a core)': 0.5,
  'memory with 20 tools and an event stream (MB)': null,
  'start to listening with 20 tools that are to run (ms, median)': 1500,
};

const root = fileURLToPath(new URL('../..', import.meta.url));
const fixture = join(root, 'test/support/fixture-mcp-server.mjs');
const folder = mkdtempSync(join(tmpdir(), 'mcps-footprint-'));
const password = 'a password of the bench alone';

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/** CPU that a process has used so far, all of its threads together, in seconds. */
const cpuSeconds = (pid) => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const [, , , , , , , , , , , utime, stime] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(utime) + Number(stime)) / 100;
};
const memoryMb = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;

async function start() {
  const began = performance.now();
  const child = spawn(process.execPath, [join(root, 'dist/src/main.js')], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, PORT: '0', ADMIN_PASSWORD: password },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`The program ended with ${code}:\n${text}`)));
    child.stdout.on('data', (data) => {
      text += data;
      const origin = /is listening on (http:\S+)/.exec(text)?.[1];
      if (origin) resolve({ child, origin, ms: performance.now() - began });
    });
  });
}

async function stop(child) {
  child.kill('SIGTERM');
  if (child.exitCode === null) await once(child, 'exit');
}

/** CPU of a process over the next minute, in percent of a core. */
async function idleCpu(pid) {
  const before = cpuSeconds(pid);
  await pause(IDLE_SECONDS * 1_000);
  return (100 * (cpuSeconds(pid) - before)) / IDLE_SECONDS;
}

/** Waits until the process is idle and its memory has stopped falling. */
async function settledMemory(pid) {
  await pause(SETTLE_SECONDS * 1_000);
  let before = Infinity;
  for (let round = 0; round < 15; round++) {
    await pause(2000);
    const now = memoryMb(pid);
    if (now > before - 0.5) return now;
    before = now;
  }
  return before;
}

const figures = {};
try {
  const times = [];
  for (let n = 0; n < STARTS; n++) {
    const { child, ms } = await start();
    times.push(ms);
    await stop(child);
  }
  figures['start to listening (ms, median)'] = times.sort((a, b) => a - b)[Math.floor(STARTS / 2)];
  const { child, origin } = await start();
  try {
    const post = async (path, body, token) => {
      const response = await fetch(`${origin}/api/v1${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) },
        body: JSON.stringify(body),
      });
      if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
      return response.json();
    };
    figures['idle memory (MB)'] = await settledMemory(child.pid);
    const { accessToken } = await post('/auth/login', { username: 'admin', password });
    const names = Array.from({ length: TOOLS + 1 }, (_, n) => `idle-${n}`);
    for (const name of names) await post('/tools', { name, command: process.execPath, args: [fixture] }, accessToken);
    // The first one loads what all share.
    await post('/tools/idle-0/start', undefined, accessToken);
    const withOne = await settledMemory(child.pid);
    await post('/tools/batch', { action: 'start', tools: names }, accessToken);
    figures['each idle stdio tool adds (MB)'] = ((await settledMemory(child.pid)) - withOne) / TOOLS;
    figures['idle with 20 tools (% of a core)'] = await idleCpu(child.pid);
    const watching = new AbortController();
    const headers = { authorization: `Bearer ${accessToken}` };
    const events = await fetch(`${origin}/api/v1/events`, { headers, signal: watching.signal });
    if (!events.ok) throw new Error(`/events: ${events.status}`);
    events.body.pipeTo(new WritableStream()).catch(() => undefined);
    await pause(3_000);
    figures['idle with 20 tools and an event stream (% of a core)'] = await idleCpu(child.pid);
    figures['memory with 20 tools and an event stream (MB)'] = memoryMb(child.pid);
    watching.abort();
  } finally {
    await stop(child);
  }
  const withTools = [];
  for (let n = 0; n < STARTS; n++) {
    const { child: next, ms } = await start();
    withTools.push(ms);
    await stop(next);
  }
  figures['start to listening with 20 tools that are to run (ms, median)'] = withTools.sort((a, b) => a - b)[
    Math.floor(STARTS / 2)
  ];
} finally {
  rmSync(folder, { recursive: true, force: true });
}

let exceeded = false;
for (const [name, limit] of Object.entries(LIMITS)) {
  const ok = limit === null || figures[name] <= limit;
  exceeded ||= !ok;
  const bound = limit === null ? '' : ` (limit ${limit})`;
  console.log(`${ok ? 'ok      ' : 'EXCEEDED'} ${name}: ${figures[name].toFixed(2)}${bound}`);
}
process.exitCode = exceeded ? 1 : 0;
