#!/usr/bin/env node
/**
 * A remote MCP server (Streamable HTTP, 2025-11-25) with one fault, for tests: F41 and F42 of the fault catalogue.
 * Loopback only, no dependencies.
 *
 *   --fault NAME        what goes wrong; `--help` lists the names. Those of HTTP can also be chosen by each URL:
 *                       /NAME/mcp instead of /mcp, and ?on=METHOD
 *   --on METHOD         only at POSTs of this JSON-RPC method, such as tools/call; default: at every request
 *   --times N           only the first N times; default: always
 *   --port PORT         default 0: any free one
 *   --host HOST         host name in the certificate of the TLS faults; default 127.0.0.1
 *   --retry-after TEXT  header of the fault 429
 *
 * Prints one line of JSON when it is ready: {"port": ..., "certificate": PEM or null}. GET .../counts instead of
 * .../mcp answers how often each method was asked there, whatever the fault. Ends on SIGTERM, when its stdin ends, and after two minutes.
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import { parseArgs } from 'node:util';
import { throwawayCertificate } from './throwaway-certificate.mjs';

const LIFE_MS = 120_000;
const SSE = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' };

const status = (code, headers = {}) => {
  return ({ response }) => response.writeHead(code, { 'content-type': 'text/html', ...headers }).end('<html>no</html>');
};

/** What is done instead of an answer. */
const FAULTS = {
  none: undefined,
  401: status(401, { 'www-authenticate': 'Bearer' }),
  403: status(403),
  404: status(404),
  408: status(408),
  418: status(418),
  429: ({ response }) =>
    status(429, options['retry-after'] ? { 'retry-after': options['retry-after'] } : {})({ response }),
  500: status(500),
  502: status(502),
  503: status(503),
  504: status(504),
  /** Redirects to itself for ever, in a way that keeps the message. */
  'redirect-loop': ({ request, response }) => response.writeHead(307, { location: request.url }).end(),
  'redirect-away': ({ response }) => response.writeHead(307, { location: 'http://localhost:1/mcp' }).end(),
  /** 301 would make a GET of the POST. */
  'redirect-301': ({ response }) => response.writeHead(301, { location: '/mcp' }).end(),
  html: ({ response }) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>hello</html>'),
  'bad-json': ({ response }) => response.writeHead(200, { 'content-type': 'application/json' }).end('{"jsonrpc": oops'),
  /** The body ends in the middle of what its length promised. */
  'truncated-json': ({ response }) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
    response.write('{"jsonrpc":"2.0",', () => response.destroy());
  },
  /** A stream that ends properly, but without the answer. */
  'ended-sse': ({ response }) => {
    response.writeHead(200, SSE).end(': hello\n\nevent: message\n');
  },
  /** A stream that breaks in the middle of an event. */
  'truncated-sse': ({ response }) => {
    response.writeHead(200, SSE);
    response.write('event: message\ndata: {"jsonrpc":"2.0","id"', () => response.destroy());
  },
  /** The request is read, and the connection closed. */
  'hang-up': ({ request }) => request.socket.destroy(),
  reset: ({ request }) => request.socket.resetAndDestroy(),
  /** The request is read and never answered. */
  mute: () => undefined,
  'hang-after-headers': ({ response }) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
  },
  'hang-after-sse-headers': ({ response }) => {
    response.writeHead(200, SSE);
    response.flushHeaders();
  },
  'hang-after-error-headers': ({ response }) => {
    response.writeHead(403, { 'content-type': 'text/plain' });
    response.flushHeaders();
  },
  /** One byte a second. */
  trickle: ({ response }) => trickle(response, 200, 'application/json'),
  'trickle-sse': ({ response }) => trickle(response, 200, 'text/event-stream'),
  'trickle-error': ({ response }) => trickle(response, 500, 'text/plain'),
};

/** Faults below HTTP; they are there from the first byte on. */
const CONNECTION_FAULTS = {
  /** Accepts and never says anything, as after a power cut behind a firewall. */
  'half-open': () => createTcpServer((socket) => socket.on('error', () => undefined)),
  'tls-self-signed': (listener) => tls(listener, [-1, 1]),
  'tls-expired': (listener) => tls(listener, [-30, -1]),
  'tls-not-yet-valid': (listener) => tls(listener, [1, 30]),
  /** To be used with `--host` of another name. */
  'tls-wrong-host': (listener) => tls(listener, [-1, 1]),
  /** Speaks something else than TLS or HTTP. */
  garbage: () => createTcpServer((socket) => socket.on('error', () => undefined).end('SSH-2.0-OpenSSH_9.2\r\n')),
};

const { values: options } = parseArgs({
  options: {
    fault: { type: 'string', default: 'none' },
    on: { type: 'string' },
    times: { type: 'string' },
    port: { type: 'string', default: '0' },
    host: { type: 'string', default: '127.0.0.1' },
    'retry-after': { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
const names = [...Object.keys(FAULTS), ...Object.keys(CONNECTION_FAULTS)];
if (options.help || !names.includes(options.fault)) {
  process.stderr.write(`--fault is one of: ${names.join(' ')}\n`);
  process.exit(options.help ? 0 : 2);
}

let certificate = null;
let left = options.times === undefined ? Infinity : Number(options.times);
const counts = {};
const sessions = new Set();

function tls(listener, days) {
  const { key, cert } = throwawayCertificate({ host: options.host, days });
  certificate = cert;
  return createTlsServer({ key, cert }, listener);
}

function trickle(response, code, type) {
  response.writeHead(code, { 'content-type': type });
  response.write('{');
  const timer = setInterval(() => response.write(' '), 1_000);
  response.on('close', () => clearInterval(timer));
}

/** Which fault a URL is about, and at which method. */
function chosenBy(url) {
  const { pathname, searchParams } = new URL(url, 'http://localhost');
  const [, name] = pathname.split('/');
  const own = Object.hasOwn(FAULTS, name);
  return {
    place: own ? name : '',
    fault: FAULTS[own ? name : options.fault],
    on: searchParams.get('on') ?? options.on,
  };
}

async function onRequest(request, response) {
  const { place, fault, on } = chosenBy(request.url);
  counts[place] ??= {};
  if (new URL(request.url, 'http://localhost').pathname.endsWith('/counts')) {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(counts[place]));
    return;
  }
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) body += chunk;
  const message = body === '' ? {} : JSON.parse(body);
  const method = message.method ?? request.method;
  counts[place][method] = (counts[place][method] ?? 0) + 1;
  if (fault && left > 0 && (on === undefined || on === method)) {
    left -= 1;
    fault({ request, response });
    return;
  }
  answer(request, response, message);
}

/** What a good server does. */
function answer(request, response, message) {
  const session = request.headers['mcp-session-id'];
  if (request.method !== 'POST') {
    response.writeHead(request.method === 'DELETE' ? 204 : 405).end();
    return;
  }
  if (message.id === undefined) {
    response.writeHead(202).end();
    return;
  }
  const json = (code, rest, headers = {}) => {
    response.writeHead(code, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify({ jsonrpc: '2.0', id: message.id, ...rest }));
  };
  if (message.method === 'initialize') {
    const id = randomUUID();
    sessions.add(id);
    const serverInfo = { name: 'faulty-remote', version: '1.0.0' };
    const result = { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo };
    json(200, { result }, { 'mcp-session-id': id });
  } else if (session === undefined) {
    json(400, { error: { code: -32000, message: 'Bad Request: no session' } });
  } else if (!sessions.has(session)) {
    json(404, { error: { code: -32001, message: 'Session not found' } });
  } else if (message.method === 'tools/list') {
    json(200, { result: { tools: [{ name: 'pay', inputSchema: { type: 'object' } }] } });
  } else if (message.method === 'tools/call') {
    json(200, { result: { content: [{ type: 'text', text: 'paid' }] } });
  } else {
    json(200, { result: {} });
  }
}

const listener = (request, response) => void onRequest(request, response).catch(() => response.destroy());
const server = (CONNECTION_FAULTS[options.fault] ?? createServer)(listener);
server.listen(Number(options.port), '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ port: server.address().port, certificate })}\n`);
});

const end = () => process.exit(0);
setTimeout(end, LIFE_MS).unref();
process.on('SIGTERM', end);
process.stdin.on('end', end).resume();
