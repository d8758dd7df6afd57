#!/usr/bin/env node
// Measures an MCP endpoint: node gateway.mjs --url http://127.0.0.1:8080/mcp --sessions 1,8,32,128 --seconds 10
import { args, table } from './lib/util.mjs';
import { runLevel, row } from './lib/load.mjs';
import { pidOnPort } from './lib/proc.mjs';
const a = args({
  url: '',
  header: '',
  tool: 'echo',
  'tool-name': '',
  method: 'tools/call',
  sessions: '1,8,32,128',
  seconds: '10',
  warmup: '2',
  payload: '100',
  ms: '10',
  pid: '',
  protocol: '2025-06-18',
  transport: 'http',
  timeout: '30000',
  repeat: '1',
  name: '',
  quiet: false,
});
if (!a.url) {
  console.error('--url is needed; see README.md');
  process.exit(2);
}
const pid = a.pid === 'port' ? pidOnPort(new URL(a.url).port) : +a.pid || null;
const rows = [];
for (let r = 0; r < +a.repeat; r++)
  for (const n of a.sessions.split(',').map(Number)) {
    let res;
    try {
      res = await runLevel(
        {
          url: a.url,
          headers: a.headers,
          tool: a.tool,
          toolName: a['tool-name'] || undefined,
          method: a.method,
          seconds: +a.seconds,
          warmup: +a.warmup,
          payload: +a.payload,
          ms: +a.ms,
          pid,
          protocol: a.protocol,
          transport: a.transport,
          timeout: +a.timeout,
        },
        n,
      );
    } catch (e) {
      res = { sessions: n, failed: e.message };
    }
    console.log(JSON.stringify({ name: a.name || undefined, run: r, method: a.method, payload: +a.payload, ...res }));
    rows.push(row(res));
  }
if (!a.quiet) console.error(table(rows));
process.exit(0);
