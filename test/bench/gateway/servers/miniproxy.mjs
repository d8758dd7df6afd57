#!/usr/bin/env node
// Minimal transport-level proxy: Streamable HTTP -> one shared stdio child, JSON-RPC ids remapped.
// The estimate of what is attainable in Node; not a product (no auth, no SSE GET stream, no reconnect).
//   node miniproxy.mjs --port 18100 [--remap splice|json] [--answer json|sse]
//        [--log none|batch|worker|sync] [--db file] [-- command args]
// Prints its URL. --log needs better-sqlite3.
import http from 'node:http';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { args } from '../lib/util.mjs';
const require = createRequire(import.meta.url);

function database(file) {
  // one row per message, as the product will record it
  const db = new (require('better-sqlite3'))(file);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = NORMAL');
  db.exec(`CREATE TABLE IF NOT EXISTS message(id INTEGER PRIMARY KEY, ts INTEGER NOT NULL, session TEXT, direction INTEGER NOT NULL, method TEXT, rpc_id TEXT, bytes INTEGER, body TEXT);
           CREATE INDEX IF NOT EXISTS message_session ON message(session, ts);`);
  const ins = db.prepare('INSERT INTO message(ts,session,direction,method,rpc_id,bytes,body) VALUES(?,?,?,?,?,?,?)');
  const one = (m) => ins.run(m[0], m[1], m[2], m[3], m[4], m[5].length, m[5]);
  const many = db.transaction((ms) => {
    for (const m of ms) one(m);
  });
  return { one, many };
}
if (!isMainThread) {
  const db = database(workerData);
  parentPort.on('message', (ms) => db.many(ms));
} else main();

// [start, end) of the value of the top-level "id" in a JSON object's text, without parsing it
export function idSpan(s) {
  let depth = 0,
    i = 0;
  const n = s.length;
  const strEnd = (p) => {
    for (;;) {
      p = s.indexOf('"', p + 1);
      if (p < 0) return n;
      let b = p - 1;
      while (s.charCodeAt(b) === 92) b--;
      if ((p - b) % 2 === 1) return p;
    }
  };
  while (i < n) {
    const c = s.charCodeAt(i);
    if (c === 34) {
      const e = strEnd(i);
      if (depth === 1 && e === i + 3 && s.charCodeAt(i + 1) === 105 && s.charCodeAt(i + 2) === 100) {
        let p = e + 1;
        while (s.charCodeAt(p) <= 32) p++;
        if (s.charCodeAt(p) === 58) {
          p++;
          while (s.charCodeAt(p) <= 32) p++;
          let q = p;
          if (s.charCodeAt(p) === 34) q = strEnd(p) + 1;
          else while (q < n && s.charCodeAt(q) !== 44 && s.charCodeAt(q) !== 125 && s.charCodeAt(q) > 32) q++;
          return [p, q];
        }
      }
      i = e + 1;
      continue;
    }
    if (c === 123 || c === 91) depth++;
    else if (c === 125 || c === 93) depth--;
    i++;
  }
  return null;
}

async function main() {
  const a = args({ port: '18100', remap: 'splice', answer: 'json', log: 'none', db: './miniproxy.db' }, true);
  const cmd = a._.length ? a._ : [process.execPath, fileURLToPath(new URL('./echo.mjs', import.meta.url))];
  const child = spawn(cmd[0], cmd.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
  child.on('exit', () => process.exit(1));
  for (const s of ['SIGTERM', 'SIGINT'])
    process.on(s, () => {
      child.kill();
      process.exit(0);
    });

  let record = () => {}; // (session, direction, method, rpcId, text)
  if (a.log !== 'none') {
    const db = a.log === 'worker' ? null : database(a.db),
      w = a.log === 'worker' ? new Worker(new URL(import.meta.url), { workerData: a.db }) : null;
    if (a.log === 'sync') record = (s, d, m, i, t) => db.one([Date.now(), s, d, m, i, t]);
    else {
      let buf = [],
        timer = null;
      const flush = () => {
        clearTimeout(timer);
        timer = null;
        const b = buf;
        buf = [];
        if (w) w.postMessage(b);
        else db.many(b);
      };
      record = (s, d, m, i, t) => {
        buf.push([Date.now(), s, d, m, i, t]);
        if (buf.length >= 256) flush();
        else timer ??= setTimeout(flush, 50);
      };
    }
  }

  const pending = new Map();
  let seq = 0,
    rest = '',
    out = '';
  const toChild = (line) => {
    if (!out)
      setImmediate(() => {
        const o = out;
        out = '';
        child.stdin.write(o);
      });
    out += line + '\n';
  };
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (d) => {
    const lines = (rest + d).split('\n');
    rest = lines.pop();
    for (const l of lines) {
      if (a.remap === 'json') {
        const m = JSON.parse(l);
        const p = pending.get(m.id);
        if (p) {
          pending.delete(m.id);
          m.id = p.id;
          p.done(JSON.stringify(m));
        }
        continue;
      }
      const sp = idSpan(l);
      if (!sp) continue;
      const k = +l.slice(sp[0], sp[1]),
        p = pending.get(k);
      if (!p) continue;
      pending.delete(k);
      p.done(l.slice(0, sp[0]) + p.id + l.slice(sp[1]));
    }
  });

  const sessions = new Set();
  const answer = (res, text, session, headers = {}) => {
    if (session) headers['Mcp-Session-Id'] = session;
    if (a.answer === 'sse') {
      headers['Content-Type'] = 'text/event-stream';
      res.writeHead(200, headers);
      res.end(`event: message\ndata: ${text}\n\n`);
    } else {
      headers['Content-Type'] = 'application/json';
      headers['Content-Length'] = Buffer.byteLength(text);
      res.writeHead(200, headers);
      res.end(text);
    }
  };
  const post = (req, res, body) => {
    let session = req.headers['mcp-session-id'],
      method,
      id,
      line,
      m = null;
    if (a.remap === 'json') {
      m = JSON.parse(body);
      id = m.id;
      method = m.method;
    } else {
      const sp = idSpan(body);
      method =
        /"method" ?: ?"([^"]*)"/.exec(body.length > 300 ? body.slice(0, 300) : body)?.[1] ?? JSON.parse(body).method;
      if (sp) {
        id = body.slice(sp[0], sp[1]);
        line = [body.slice(0, sp[0]), body.slice(sp[1])];
      }
    }
    if (method === 'initialize') {
      session = randomUUID();
      sessions.add(session);
    } else if (session && !sessions.has(session)) {
      res.writeHead(404);
      return res.end();
    }
    record(session, 0, method, id === undefined ? null : String(id), body);
    if (id === undefined) {
      if (method !== 'notifications/initialized') toChild(body);
      res.writeHead(202);
      return res.end();
    }
    const k = ++seq;
    pending.set(k, {
      id,
      done: (text) => {
        record(session, 1, method, String(id), text);
        answer(res, text, method === 'initialize' ? session : null);
      },
    });
    if (m) {
      m.id = k;
      toChild(JSON.stringify(m));
    } else toChild(line[0] + k + line[1]);
  };
  const handler = (req, res) => {
    if (req.method === 'POST') {
      let b = '';
      req.setEncoding('utf8');
      req.on('data', (d) => {
        b += d;
      });
      req.on('end', () => post(req, res, b));
    } else if (req.method === 'DELETE') {
      sessions.delete(req.headers['mcp-session-id']);
      res.writeHead(200);
      res.end();
    } else if (req.url === '/health') res.end('ok');
    else {
      res.writeHead(405);
      res.end();
    }
  };
  const server = http.createServer(handler);
  server.keepAliveTimeout = 60000;
  server.listen(+a.port, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/mcp`));
}
