#!/usr/bin/env node
// Start-up time and idle memory: node startup.mjs --url http://127.0.0.1:8080/health [--mcp URL] -- node server.js
// Time from spawn until --url answers (200 or 401 unless --status says otherwise); with --mcp also until a tools/list holds --tool.
import { spawn } from 'node:child_process';
import { args, median, MB, round, sleep, table } from './lib/util.mjs';
import { mem, cpu, tree } from './lib/proc.mjs';
import { Session } from './lib/mcp.mjs';
import { toolName } from './lib/load.mjs';
const a = args(
  {
    url: '',
    mcp: '',
    header: '',
    tool: 'echo',
    status: '200,401',
    'http-method': 'GET',
    settle: '5',
    repeat: '3',
    timeout: '60',
    cwd: '',
    keep: false,
    transport: 'http',
    name: '',
    verbose: false,
  },
  true,
);
const okStatus = a.status.split(',').map(Number);
const rows = [];
for (let i = 0; i < +a.repeat; i++) {
  const t0 = performance.now();
  const left = () => {
    if (performance.now() - t0 > +a.timeout * 1000) throw new Error('timeout');
  };
  const c = spawn(a._[0], a._.slice(1), {
    cwd: a.cwd || undefined,
    stdio: a.verbose ? 'inherit' : 'ignore',
    detached: true,
  });
  let up = null,
    ready = null;
  try {
    if (a.url)
      for (;;) {
        left();
        try {
          const r = await fetch(a.url, {
            method: a['http-method'],
            redirect: 'manual',
            headers: a.headers,
            signal: AbortSignal.timeout(2000),
          });
          r.body?.cancel();
          if (okStatus.includes(r.status)) {
            up = performance.now() - t0;
            break;
          }
        } catch {
          // not yet, or gone already
        }
        await sleep(5);
      }
    if (a.mcp)
      for (;;) {
        left();
        try {
          const s = new Session(a.mcp, { headers: a.headers, transport: a.transport, timeout: 3000 });
          try {
            await s.open();
            await toolName(s, a.tool);
            ready = performance.now() - t0;
            break;
          } finally {
            s.close().catch(() => {});
          }
        } catch {
          // not yet, or gone already
        }
        await sleep(5);
      }
    const c0 = cpu(c.pid);
    await sleep(+a.settle * 1000);
    const c1 = cpu(c.pid);
    const m = mem(c.pid, { pss: true });
    const r = {
      name: a.name,
      upMs: round(up, 0),
      toolMs: round(ready, 0),
      rssMB: MB(m.rss),
      rssRootMB: MB(m.rssRoot),
      pssMB: MB(m.pss),
      pssRootMB: MB(m.pssRoot),
      procs: m.n,
      startCpuS: round(c0.total, 2),
      idleCpuPct: round(((c1.total - c0.total) / +a.settle) * 100, 2),
    };
    console.log(JSON.stringify(r));
    rows.push(r);
  } catch (e) {
    console.log(JSON.stringify({ name: a.name, failed: e.message }));
  }
  const pids = tree(c.pid).map((p) => p.pid);
  try {
    process.kill(-c.pid, 'SIGTERM');
  } catch {
    // not yet, or gone already
  }
  for (
    let k = 0;
    k < 60 &&
    pids.some((p) => {
      try {
        process.kill(p, 0);
        return true;
      } catch {
        return false;
      }
    });
    k++
  ) {
    await sleep(50);
    if (k === 40)
      for (const p of pids)
        try {
          process.kill(p, 'SIGKILL');
        } catch {
          // not yet, or gone already
        }
  }
}
if (rows.length > 1)
  rows.push(
    Object.fromEntries(
      Object.keys(rows[0]).map((k) => [
        k,
        typeof rows[0][k] === 'number' ? median(rows.map((r) => r[k])) : k === 'name' ? 'median' : null,
      ]),
    ),
  );
console.error(table(rows));
process.exit(0);
