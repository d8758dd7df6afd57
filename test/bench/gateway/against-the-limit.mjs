/**
 * Our gateway against the limit (servers/miniproxy.mjs --log batch) in pairs: `npm run bench` (builds first).
 *
 * With an API key and every message recorded. Prints each median ratio with its threshold and ends with 1 if one is
 * missed. Needs Linux; figures of a busy machine say little (`otherCores` above 0.2). `--pairs=N --seconds=N --only=NAME`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { addScriptTool, createKey, startMeasuredProgram } from '../../support/measured-program.mjs';
import { runLevel } from './lib/load.mjs';
import { args, median, round, table } from './lib/util.mjs';

const options = args({ pairs: '5', seconds: '4', only: '' });
const ECHO = fileURLToPath(new URL('servers/echo.mjs', import.meta.url));
const MINIPROXY = fileURLToPath(new URL('servers/miniproxy.mjs', import.meta.url));

/** What is measured in pairs, and by how much we may be worse than the limit. */
const LEVELS = [
  { name: '1 session', sessions: 1, limits: { p50: ['<=', 1.4] } },
  { name: '8 sessions', sessions: 8, limits: { cps: ['>=', 0.65], cpu: ['<=', 1.5] } },
  { name: '32 sessions', sessions: 32, limits: { cps: ['>=', 0.65], cpu: ['<=', 1.5] } },
  { name: '128 sessions', sessions: 128, limits: {} },
  { name: '10 kB answers', sessions: 8, tool: 'blob', payload: 10_240, limits: { cps: ['>=', 0.6] } },
];
/** The processes are ours, the guard of its children and the one server. */
const MANY = { sessionsRatio: 0.9, memoryMb: 200, processes: 3 };

const program = await startMeasuredProgram();
const limit = spawn(
  process.execPath,
  [MINIPROXY, '--port', '0', '--log', 'batch', '--db', join(program.folder, 'l.db')],
  {
    stdio: ['ignore', 'pipe', 'inherit'],
  },
);

const rows = [];
const verdicts = [];

function judge(what, value, [relation, threshold]) {
  const ok = relation === '>=' ? value >= threshold : value <= threshold;
  verdicts.push({ ok, text: `${what}: ${value} (${relation} ${threshold})` });
}

const run = (side, { sessions, ...level }) =>
  runLevel({ ...side, ...level, seconds: +options.seconds, warmup: 1 }, sessions);

/** Both in turns, each of them first every other time: the machine is not equally fast for minutes. */
async function inPairs(runOne, runOther) {
  const pairs = [];
  for (let i = 0; i < +options.pairs; i++) {
    const oneFirst = i % 2 === 0;
    const first = await (oneFirst ? runOne() : runOther());
    const second = await (oneFirst ? runOther() : runOne());
    pairs.push(oneFirst ? [first, second] : [second, first]);
  }
  return pairs;
}

async function measure({ name, limits, ...level }, ours, theirs) {
  const measured = await inPairs(
    () => run(ours, level),
    () => run(theirs, level),
  );
  const pairs = measured.map(([our, their]) => ({ our, their }));
  const of = (pick) => round(median(pairs.map(pick)), 3);
  const ratio = (key) => of(({ our, their }) => our[key] / their[key]);
  const ratios = { cps: ratio('cps'), cpu: ratio('cpuRootMs'), p50: ratio('p50'), p99: ratio('p99') };
  const errors = pairs.reduce((sum, { our, their }) => sum + our.errors + their.errors, 0);
  const our = {
    cps: of((pair) => pair.our.cps),
    cpuMs: of((pair) => pair.our.cpuRootMs),
    p50: of((pair) => pair.our.p50),
    memoryMb: Math.max(...pairs.map((pair) => pair.our.peakRssRoot)),
    processes: Math.max(...pairs.map((pair) => pair.our.procs)),
  };
  const otherCores = of((pair) => Math.max(pair.our.otherCores, pair.their.otherCores));
  rows.push({
    level: name,
    ...ratios,
    'our calls/s': our.cps,
    'our cpu ms': our.cpuMs,
    MB: our.memoryMb,
    procs: our.processes,
    errors,
    otherCores,
  });
  for (const [key, bound] of Object.entries(limits)) judge(`${name}, ${key} against the limit`, ratios[key], bound);
  judge(`${name}, errors`, errors, ['<=', 0]);
  return our;
}

try {
  await addScriptTool(program.api, 'echo', [ECHO]);
  const key = await createKey(program.api);
  const [url] = await once(limit.stdout, 'data');
  const ours = {
    url: `${program.origin}/mcp/echo`,
    headers: { Authorization: `Bearer ${key}` },
    pid: program.child.pid,
  };
  const theirs = { url: String(url).trim(), pid: limit.pid };
  const measured = {};
  for (const level of LEVELS) {
    if (options.only === '' || level.name === options.only) measured[level.name] = await measure(level, ours, theirs);
  }
  const many = measured['128 sessions'];
  if (many) {
    judge('128 sessions, memory of the gateway in MB', many.memoryMb, ['<=', MANY.memoryMb]);
    judge('128 sessions, processes', many.processes, ['<=', MANY.processes]);
    const pairs = await inPairs(
      () => run(ours, { sessions: 128 }),
      () => run(ours, { sessions: 32 }),
    );
    const against32 = round(median(pairs.map(([of128, of32]) => of128.cps / of32.cps)), 3);
    judge('128 sessions, calls/s against our own 32', against32, ['>=', MANY.sessionsRatio]);
  }
} finally {
  limit.kill();
  await program.stop();
}
console.log(table(rows));
for (const { ok, text } of verdicts) console.log(`${ok ? 'ok    ' : 'MISSED'} ${text}`);
process.exit(verdicts.every(({ ok }) => ok) ? 0 : 1);
