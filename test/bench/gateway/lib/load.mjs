// runLevel: N sessions, each sending one call after another, for some seconds.
import { Session } from './mcp.mjs';
import { cpu, sampler, machine } from './proc.mjs';
import { pct, round, MB } from './util.mjs';

export async function openSessions(o, n) {
  const t0 = performance.now();
  const out = [];
  const errors = [];
  // opened 8 at a time: gateways with one child per session would otherwise start n processes at once
  let next = 0;
  await Promise.all(
    Array.from({ length: Math.min(8, n) }, async () => {
      while (next < n) {
        next++;
        try {
          out.push(await new Session(o.url, o).open());
        } catch (e) {
          errors.push(e.message);
          if (errors.length > 20) return;
        }
      }
    }),
  );
  return { sessions: out, openMs: round(performance.now() - t0, 0), openErrors: errors };
}
export async function toolName(session, want) {
  // finds echo under a gateway's prefix: a__echo, a/echo, a-echo, echo
  const names = (await session.tools()).map((t) => t.name);
  return (
    names.find((n) => n === want) ??
    names.find((n) => n.endsWith(want) && /[^a-zA-Z0-9]/.test(n.at(-want.length - 1))) ??
    (() => {
      throw new Error(`no tool ${want} in ${names.slice(0, 20)}`);
    })()
  );
}
const pad = (n) => 'abcdefghijklmnopqrstuvwxyz0123456789'.repeat(Math.ceil(n / 36)).slice(0, n);

export async function runLevel(o, n) {
  const { sessions, openMs, openErrors } = await openSessions(o, n);
  if (!sessions.length) throw new Error(`no session could be opened: ${openErrors[0]}`);
  const method = o.method ?? 'tools/call';
  const name = method === 'tools/call' ? (o.toolName ?? (await toolName(sessions[0], o.tool ?? 'echo'))) : undefined;
  const tool = o.tool ?? 'echo';
  const filler = pad(Math.max(0, (o.payload ?? 100) - 16));
  const lat = [];
  let errors = 0;
  const kinds = new Map();
  let stop = false,
    measuring = false;
  const one = async (s, i) => {
    let k = 0;
    while (!stop) {
      let params = {},
        check = '"result"';
      if (method === 'tools/call') {
        if (tool === 'echo') {
          check = `s${i}c${k++}-`.padEnd(16, '_');
          params = { name, arguments: { text: check + filler } };
        } else if (tool === 'sleep') params = { name, arguments: { ms: o.ms ?? 10 } };
        else params = { name, arguments: { bytes: o.payload ?? 100 } };
      }
      const t0 = performance.now();
      const m = measuring;
      try {
        const r = await s.send(method, params);
        if (!r.body.includes(check) || r.body.includes('"isError":true'))
          throw new Error(`wrong answer: ${r.body.slice(0, 160)}`);
        if (m && measuring) lat.push(r.t - t0);
      } catch (e) {
        if (stop) break;
        const msg = e.message.replace(/\d{3,}/g, 'N').slice(0, 160);
        kinds.set(msg, (kinds.get(msg) ?? 0) + 1);
        if (measuring) errors++;
        await new Promise((r) => setTimeout(r, 20));
      }
    }
  };
  const runs = sessions.map(one);
  await new Promise((r) => setTimeout(r, (o.warmup ?? 2) * 1000));
  const c0 = o.pid ? cpu(o.pid) : null,
    mine0 = process.cpuUsage(),
    mach0 = machine();
  const smp = o.pid ? sampler(o.pid) : null;
  measuring = true;
  const t0 = performance.now();
  await new Promise((r) => setTimeout(r, (o.seconds ?? 10) * 1000));
  measuring = false;
  const secs = (performance.now() - t0) / 1000;
  const c1 = o.pid ? cpu(o.pid) : null,
    mine = process.cpuUsage(mine0),
    mach1 = machine();
  smp?.stop();
  stop = true;
  await Promise.race([Promise.all(runs), new Promise((r) => setTimeout(r, 5000))]);
  const calls = lat.length;
  const res = {
    sessions: n,
    opened: sessions.length,
    openMs,
    calls,
    cps: round(calls / secs, 0),
    ...pct(lat),
    errors,
    sse: sessions.reduce((a, s) => a + s.sse, 0) > sessions.reduce((a, s) => a + s.json, 0) ? 'sse' : 'json',
    unended: sessions.reduce((a, s) => a + s.unended, 0),
    reconnects: sessions.reduce((a, s) => a + Math.max(0, s.conn.reconnects), 0),
  };
  if (c0 && calls) {
    res.cpuRootMs = round(((c1.own - c0.own) * 1000) / calls, 4);
    res.cpuTreeMs = round(((c1.total - c0.total) * 1000) / calls, 4);
    res.cores = round((c1.total - c0.total) / secs, 2);
    res.procs = smp.maxProcs;
    res.peakRss = MB(smp.peak);
    res.peakRssRoot = MB(smp.peakRoot);
  }
  const used = mach1.busy - mach0.busy - (mine.user + mine.system) / 1e6 - (c0 ? c1.total - c0.total : 0);
  if (c0) res.otherCores = round(Math.max(0, used / secs), 2); // cores busy with work that is not ours
  res.genCpuMs = calls ? round((mine.user + mine.system) / 1000 / calls, 4) : null;
  if (kinds.size) res.errorKinds = Object.fromEntries([...kinds].slice(0, 5));
  if (openErrors.length) res.openErrors = openErrors.slice(0, 3);
  for (let i = 0; i < sessions.length; i += 32) await Promise.all(sessions.slice(i, i + 32).map((s) => s.close()));
  return res;
}
export const row = (r) => ({
  sess: r.sessions,
  'calls/s': r.cps,
  p50: r.p50,
  p90: r.p90,
  p99: r.p99,
  max: r.max,
  err: r.errors,
  as: r.sse,
  'cpu root ms': r.cpuRootMs,
  'cpu tree ms': r.cpuTreeMs,
  cores: r.cores,
  procs: r.procs,
  'peak MB': r.peakRss,
  'gen ms': r.genCpuMs,
  other: r.otherCores,
  'open ms': r.openMs,
});
