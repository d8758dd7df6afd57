#!/usr/bin/env node
// The same calls straight over stdio, without a gateway: node direct.mjs [--concurrency 1,8,32] [-- command args]
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { args, pct, round, table } from './lib/util.mjs';
import { cpu, mem } from './lib/proc.mjs';
const a = args({ concurrency: '1,8,32', seconds: '5', warmup: '1', payload: '100', repeat: '1', name: 'direct' }, true);
const cmd = a._.length ? a._ : [process.execPath, fileURLToPath(new URL('./servers/echo.mjs', import.meta.url))];
const child = spawn(cmd[0], cmd.slice(1), { stdio: ['pipe', 'pipe', 'ignore'] });
const waiting = new Map();
let id = 0,
  rest = '';
child.stdout.setEncoding('utf8');
child.stdout.on('data', (d) => {
  const l = (rest + d).split('\n');
  rest = l.pop();
  for (const x of l) {
    if (!x) continue;
    const m = JSON.parse(x);
    waiting.get(m.id)?.(m);
    waiting.delete(m.id);
  }
});
const rpc = (method, params) =>
  new Promise((res) => {
    const i = ++id;
    waiting.set(i, res);
    child.stdin.write(JSON.stringify({ jsonrpc: '2.0', id: i, method, params }) + '\n');
  });
await rpc('initialize', {
  protocolVersion: '2025-06-18',
  capabilities: {},
  clientInfo: { name: 'bench', version: '1' },
});
child.stdin.write('{"jsonrpc":"2.0","method":"notifications/initialized"}\n');
const text = 'x'.repeat(+a.payload);
const rows = [];
for (let r = 0; r < +a.repeat; r++)
  for (const n of a.concurrency.split(',').map(Number)) {
    let stop = false,
      measuring = false;
    const lat = [];
    const runs = Array.from({ length: n }, async () => {
      while (!stop) {
        const t = performance.now(),
          m = measuring;
        await rpc('tools/call', { name: 'echo', arguments: { text } });
        if (m && measuring) lat.push(performance.now() - t);
      }
    });
    await new Promise((r) => setTimeout(r, +a.warmup * 1000));
    const c0 = cpu(child.pid),
      t0 = performance.now(),
      g0 = process.cpuUsage();
    measuring = true;
    await new Promise((r) => setTimeout(r, +a.seconds * 1000));
    measuring = false;
    const s = (performance.now() - t0) / 1000,
      c1 = cpu(child.pid),
      g = process.cpuUsage(g0);
    stop = true;
    await Promise.all(runs);
    const res = {
      sessions: n,
      calls: lat.length,
      cps: round(lat.length / s, 0),
      ...pct(lat),
      cpuTreeMs: round(((c1.total - c0.total) * 1000) / lat.length, 4),
      genCpuMs: round((g.user + g.system) / 1000 / lat.length, 4),
      rss: round(mem(child.pid).rss / 1048576, 1),
    };
    console.log(JSON.stringify({ name: a.name, run: r, ...res }));
    rows.push(res);
  }
console.error(table(rows));
child.kill();
process.exit(0);
