#!/usr/bin/env node
// Minimal stdio MCP server used as the work load. Newline-delimited JSON-RPC, no SDK.
// Tools: echo{text} -> text, sleep{ms} -> waits, blob{bytes} -> n bytes of text.
// ECHO_TOOLS=n adds n dummy tools (tools/list size). ECHO_NAME sets serverInfo.name.
const LEGACY = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'];
const MODERN = '2026-07-28';
const info = { name: process.env.ECHO_NAME ?? 'echo', version: '1.0.0' };
const caps = { tools: { listChanged: false } };
const str = (name, d) => ({ type: 'object', properties: { [name]: d }, required: [name] });
const tools = [
  { name: 'echo', description: 'Returns its text', inputSchema: str('text', { type: 'string' }) },
  { name: 'sleep', description: 'Waits ms milliseconds', inputSchema: str('ms', { type: 'number' }) },
  { name: 'blob', description: 'Returns n bytes', inputSchema: str('bytes', { type: 'number' }) },
];
for (let i = 0; i < Number(process.env.ECHO_TOOLS ?? 0); i++)
  tools.push({
    name: `dummy_${i}`,
    description: `Dummy tool ${i} with a description of a usual length, so that the list has a usual size`,
    inputSchema: {
      type: 'object',
      properties: { a: { type: 'string', description: 'first' }, b: { type: 'number', description: 'second' } },
    },
  });

let out = [];
function send(s) {
  // one write per turn of the event loop
  if (out.length === 0) setImmediate(flush);
  out.push(s);
}
function flush() {
  const s = out.join('\n') + '\n';
  out = [];
  process.stdout.write(s);
}
const ok = (id, result) => send(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${result}}`);
const text = (m, t) =>
  `{"content":[{"type":"text","text":${JSON.stringify(t)}}]${modern(m) ? ',"resultType":"complete"' : ''}}`;
const err = (id, code, message) => send(JSON.stringify({ jsonrpc: '2.0', id, error: { code, message } }));
const modern = (m) => m.params?._meta?.['io.modelcontextprotocol/protocolVersion'] === MODERN;

function handle(m) {
  if (m.id === undefined || m.method === undefined) return; // notifications, responses
  switch (m.method) {
    case 'tools/call': {
      const a = m.params?.arguments ?? {};
      switch (m.params?.name) {
        case 'echo':
          return ok(m.id, text(m, String(a.text ?? '')));
        case 'sleep':
          return void setTimeout(() => ok(m.id, text(m, 'slept')), Number(a.ms ?? 0));
        case 'blob':
          return ok(m.id, text(m, 'x'.repeat(Number(a.bytes ?? 0))));
        default:
          return err(m.id, -32602, `Unknown tool: ${m.params?.name}`);
      }
    }
    case 'tools/list':
      return ok(
        m.id,
        JSON.stringify(modern(m) ? { tools, resultType: 'complete', ttlMs: 60000, cacheScope: 'public' } : { tools }),
      );
    case 'ping':
      return ok(m.id, '{}');
    case 'initialize': {
      const v = m.params?.protocolVersion;
      return ok(
        m.id,
        JSON.stringify({ protocolVersion: LEGACY.includes(v) ? v : LEGACY[0], capabilities: caps, serverInfo: info }),
      );
    }
    case 'server/discover':
      return ok(
        m.id,
        JSON.stringify({
          supportedVersions: [MODERN, ...LEGACY],
          capabilities: { tools: {} },
          resultType: 'complete',
          ttlMs: 60000,
          cacheScope: 'public',
          _meta: { 'io.modelcontextprotocol/serverInfo': info },
        }),
      );
    default:
      return err(m.id, -32601, `Method not found: ${m.method}`);
  }
}

let rest = '';
process.stdin.setEncoding('utf8');
process.stdin.on('data', (d) => {
  const lines = (rest + d).split('\n');
  rest = lines.pop();
  for (const l of lines) {
    if (!l.trim()) continue;
    let m;
    try {
      m = JSON.parse(l);
    } catch {
      continue;
    }
    if (Array.isArray(m)) m.forEach(handle);
    else handle(m);
  }
});
process.stdin.on('end', () => process.exit(0));
