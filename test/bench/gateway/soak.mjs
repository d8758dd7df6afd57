#!/usr/bin/env node
// Memory under a fixed rate: node soak.mjs --url .. --pid N --minutes 10 --rate 200 --sessions 8 [--churn 30]
// --churn s: each session is ended and opened anew every s seconds (finds what a session leaves behind).
// --leave 0.5: so many of the sessions are left without DELETE. Ends with 1 on an error or above --max-slope MB an hour.
import { args, MB, pct, round, sleep } from './lib/util.mjs';
import { Session } from './lib/mcp.mjs';
import { toolName } from './lib/load.mjs';
import { mem, cpu, pidOnPort } from './lib/proc.mjs';
const a = args({
  url: '',
  header: '',
  pid: 'port',
  minutes: '5',
  rate: '200',
  sessions: '8',
  tool: 'echo',
  payload: '100',
  churn: '0',
  every: '5',
  protocol: '2025-06-18',
  transport: 'http',
  leave: '0',
  'max-slope': '',
  name: '',
});
const pid = a.pid === 'port' ? pidOnPort(new URL(a.url).port) : +a.pid;
const opt = { headers: a.headers, protocol: a.protocol, transport: a.transport };
const n = +a.sessions,
  gap = (1000 * n) / +a.rate,
  end = performance.now() + +a.minutes * 60000;
const text = 'x'.repeat(+a.payload);
let calls = 0,
  errors = 0,
  opened = 0,
  lat = [];
const samples = [];
let name;
const worker = async (i) => {
  let s = null,
    born = 0,
    next = performance.now() + (gap * i) / n;
  while (performance.now() < end) {
    try {
      if (s && +a.churn && performance.now() - born > +a.churn * 1000) {
        if (i < n * +a.leave) s.conn.close();
        else await s.close();
        s = null;
      }
      if (!s) {
        s = await new Session(a.url, opt).open();
        opened++;
        born = performance.now();
        name ??= await toolName(s, a.tool);
      }
      const t = performance.now();
      const r = await s.send('tools/call', { name, arguments: { text } });
      if (!r.body.includes(text)) throw new Error('wrong answer');
      lat.push(r.t - t);
      calls++;
    } catch {
      errors++;
      s?.conn.close();
      s = null;
      await sleep(200);
    }
    next += gap;
    const w = next - performance.now();
    if (w > 0) await sleep(w);
    else if (w < -2000) next = performance.now();
  }
  await s?.close();
};
const t0 = performance.now(),
  c0 = cpu(pid);
const sample = () => {
  const m = mem(pid);
  const s = {
    t: round((performance.now() - t0) / 1000, 0),
    rssMB: MB(m.rss),
    rssRootMB: MB(m.rssRoot),
    procs: m.n,
    calls,
    errors,
    p99: pct(lat).p99,
  };
  lat = [];
  samples.push(s);
  console.log(JSON.stringify(s));
};
const timer = setInterval(sample, +a.every * 1000);
await Promise.all(Array.from({ length: n }, (_, i) => worker(i)));
clearInterval(timer);
sample();
const half = samples.slice(Math.floor(samples.length / 2));
const mx = half.reduce((x, s) => x + s.t, 0) / half.length;
const fit = (k) => {
  const my = half.reduce((x, s) => x + s[k], 0) / half.length;
  return half.reduce((x, s) => x + (s.t - mx) * (s[k] - my), 0) / half.reduce((x, s) => x + (s.t - mx) ** 2, 0);
};
const secs = (performance.now() - t0) / 1000;
const rate = calls / secs;
const slopeRootMBperHour = round(fit('rssRootMB') * 3600, 1);
console.log(
  JSON.stringify({
    name: a.name,
    summary: true,
    calls,
    errors,
    opened,
    rate: round(rate, 0),
    rssStart: samples[0].rssMB,
    rssEnd: samples.at(-1).rssMB,
    slopeMBperHour: round(fit('rssMB') * 3600, 1),
    slopeRootMBperHour,
    bytesPerCall: round((fit('rssMB') * 1048576) / rate, 1),
    cpuMsPerCall: round(((cpu(pid).total - c0.total) * 1000) / calls, 3),
  }),
);
const isTooSteep = a['max-slope'] !== '' && slopeRootMBperHour > +a['max-slope'];
process.exit(errors > 0 || isTooSteep ? 1 : 0);
