#!/usr/bin/env node
// GET load on a REST path with cost per request: node rest.mjs --url http://../api/v1/tools --connections 1,8 --seconds 5 [--header ..] [--pid port]
import { args, pct, round, table } from './lib/util.mjs';
import { Conn } from './lib/http1.mjs';
import { cpu, pidOnPort } from './lib/proc.mjs';
const a = args({ url: '', header: '', connections: '1,8,32', seconds: '5', warmup: '1', pid: 'port', name: '' });
const pid = a.pid === 'port' ? pidOnPort(new URL(a.url).port) : +a.pid;
const rows = [];
for (const n of a.connections.split(',').map(Number)) {
  let stop = false,
    m = false,
    errors = 0,
    bytes = 0;
  const lat = [],
    codes = {};
  const runs = Array.from({ length: n }, async () => {
    const c = new Conn(a.url, a.headers);
    while (!stop) {
      const t = performance.now(),
        k = m;
      try {
        const r = await c.request('GET', null);
        codes[r.status] = (codes[r.status] ?? 0) + 1;
        if (r.status >= 400) errors++;
        bytes = r.body.length;
        if (k && m) lat.push(r.t - t);
      } catch {
        errors++;
      }
    }
    c.close();
  });
  await new Promise((r) => setTimeout(r, +a.warmup * 1000));
  const c0 = pid ? cpu(pid) : null,
    t0 = performance.now();
  m = true;
  await new Promise((r) => setTimeout(r, +a.seconds * 1000));
  m = false;
  const s = (performance.now() - t0) / 1000,
    c1 = pid ? cpu(pid) : null;
  stop = true;
  await Promise.all(runs);
  const res = {
    connections: n,
    rps: round(lat.length / s, 0),
    ...pct(lat),
    errors,
    bytes,
    cpuMs: c0 ? round(((c1.own - c0.own) * 1000) / lat.length, 4) : null,
  };
  console.log(JSON.stringify({ name: a.name, ...res, codes }));
  rows.push(res);
}
console.error(table(rows));
process.exit(0);
