#!/usr/bin/env node
// A,B,A,B,.. against two running endpoints; ratios B/A per pair and their median.
// node paired.mjs --a URL --b URL [--a-pid N|port] [--b-pid N|port] [--a-header ..] --sessions 8 --seconds 5 --pairs 5
import { args, median, round, table } from './lib/util.mjs';
import { runLevel } from './lib/load.mjs';
import { pidOnPort } from './lib/proc.mjs';
const a = args({
  a: '',
  b: '',
  'a-pid': 'port',
  'b-pid': 'port',
  'a-header': '',
  'b-header': '',
  'a-tool-name': '',
  'b-tool-name': '',
  'a-protocol': '2025-06-18',
  'b-protocol': '2025-06-18',
  'a-transport': 'http',
  'b-transport': 'http',
  tool: 'echo',
  method: 'tools/call',
  sessions: '8',
  seconds: '5',
  warmup: '1',
  payload: '100',
  pairs: '5',
  name: '',
});
const hd = (h) => (h ? { [h.slice(0, h.indexOf(':')).trim()]: h.slice(h.indexOf(':') + 1).trim() } : {});
const side = (k) => ({
  url: a[k],
  headers: hd(a[`${k}-header`]),
  toolName: a[`${k}-tool-name`] || undefined,
  protocol: a[`${k}-protocol`],
  transport: a[`${k}-transport`],
  tool: a.tool,
  method: a.method,
  seconds: +a.seconds,
  warmup: +a.warmup,
  payload: +a.payload,
  pid: a[`${k}-pid`] === 'port' ? pidOnPort(new URL(a[k]).port) : +a[`${k}-pid`],
  timeout: 30000,
});
const A = side('a'),
  B = side('b');
for (const n of a.sessions.split(',').map(Number)) {
  const rows = [];
  for (let i = 0; i < +a.pairs; i++) {
    const first = i % 2 === 0; // the order turns with every pair
    const x = await runLevel(first ? A : B, n),
      y = await runLevel(first ? B : A, n);
    const [ra, rb] = first ? [x, y] : [y, x];
    const q = (k) => round(rb[k] / ra[k], 3);
    const r = {
      sessions: n,
      pair: i,
      aCps: ra.cps,
      bCps: rb.cps,
      cps: q('cps'),
      p50: q('p50'),
      p99: q('p99'),
      cpuTree: q('cpuTreeMs'),
      cpuRoot: q('cpuRootMs'),
      aCpuMs: ra.cpuTreeMs,
      bCpuMs: rb.cpuTreeMs,
      addP99: round(rb.p99 - ra.p99, 3),
      errA: ra.errors,
      errB: rb.errors,
    };
    console.log(JSON.stringify({ name: a.name, ...r }));
    rows.push(r);
  }
  const med = Object.fromEntries(Object.keys(rows[0]).map((k) => [k, round(median(rows.map((r) => r[k])), 3)]));
  med.pair = 'median';
  console.log(
    JSON.stringify({
      name: a.name,
      median: true,
      ...med,
      cpsMin: Math.min(...rows.map((r) => r.cps)),
      cpsMax: Math.max(...rows.map((r) => r.cps)),
    }),
  );
  rows.push(med);
  console.error(table(rows));
}
process.exit(0);
