#!/usr/bin/env node
/**
 * The server of fixture-mcp-server.mjs over HTTP, for tests of remote tools. Loopback only, no dependencies.
 *
 *   /mcp                Streamable HTTP: sessions in the legacy era, one exchange per POST in the modern one
 *   /sse, /messages     the old HTTP+SSE transport of 2024-11-05
 *
 * Prints `listening PORT` when it is ready. Ends on SIGTERM and when its stdin ends: give it a pipe, not /dev/null.
 * `--help` lists the flags; those about the protocol are shared with the stdio server.
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import {
  applyStartFlags,
  createShared,
  FixtureServer,
  LEGACY_VERSIONS,
  PROTOCOL_FLAGS,
  readFlags,
} from './fixture-mcp-server.mjs';

const META = 'io.modelcontextprotocol/';
/** Header Mcp-Name repeats this parameter of these methods. */
const NAMED = { 'tools/call': 'name', 'prompts/get': 'name', 'resources/read': 'uri' };
const MODERN_STATUS = { [-32601]: 404, [-32602]: 400, [-32020]: 400, [-32021]: 400, [-32022]: 400 };

const options = readFlags('A small MCP server over HTTP, for tests.', {
  ...PROTOCOL_FLAGS,
  port: ['PORT', '0', 'listen on this port of 127.0.0.1; 0 means any free one'],
  transport: ['NAME', 'all', 'all | streamable | sse: what is offered; the rest answers 404'],
  answers: ['KIND', 'sse', 'sse | json: how a POST to /mcp is answered'],
  'require-header': ['NAME=VALUE', undefined, 'answer 401 to requests without this header'],
});
const shared = createShared();
/** Streamable sessions by id: { server, standalone }, standalone being the response of an open GET. */
const sessions = new Map();
/** Sessions of the old transport by id: { server }. */
const oldSessions = new Map();

const sseHead = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache', 'x-accel-buffering': 'no' };
const event = (message) => `event: message\ndata: ${JSON.stringify(message)}\n\n`;

function json(response, status, body, headers = {}) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

function refuse(response, status, message, { code = -32000, id = null, data } = {}) {
  json(response, status, { jsonrpc: '2.0', id, error: { code, message, data } });
}

function isAllowed(request) {
  if (options['require-header'] === undefined) return true;
  const [name, ...value] = options['require-header'].split('=');
  return request.headers[name.toLowerCase()] === value.join('=');
}

async function readMessage(request) {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) body += chunk;
  return JSON.parse(body);
}

/** Writes what belongs to one POSTed request, as one JSON body or as a stream that ends with the answer. */
function answerTo(response, { headers = {}, status = () => 200 } = {}) {
  return (message) => {
    const isAnswer = message.method === undefined;
    const asJson = options.answers === 'json' || status(message) !== 200;
    if (isAnswer && asJson && !response.headersSent) return json(response, status(message), message, headers);
    if (!response.headersSent) response.writeHead(200, { ...sseHead, ...headers });
    response.write(event(message));
    if (isAnswer) response.end();
  };
}

/** A legacy session: answers go to the POST that asked, everything else to the stream of the GET, if there is one. */
function openSession() {
  const id = randomUUID();
  const session = { id, answers: new Map(), standalone: undefined };
  session.server = new FixtureServer(options, shared, (message, requestId) => {
    const isAnswer = message.method === undefined;
    const answer = session.answers.get(requestId);
    // A JSON body has no room for what comes before the answer.
    if (answer && (isAnswer || options.answers === 'sse')) answer(message);
    else session.standalone?.write(event(message));
    if (isAnswer) session.answers.delete(requestId);
  });
  sessions.set(id, session);
  return session;
}

async function postStreamable(request, response) {
  const message = await readMessage(request);
  const isModern = message.params?._meta?.[`${META}protocolVersion`] !== undefined;
  const isProbe = message.method === 'server/discover';
  const serveModern = options.era === 'modern' || (options.era === 'dual' && isModern);
  if (serveModern || (isProbe && options.era.endsWith('-on-discover')) || (isProbe && options.era.startsWith('mute'))) {
    return serveExchange(request, response, message);
  }

  const version = request.headers['mcp-protocol-version'];
  if (version !== undefined && !LEGACY_VERSIONS.includes(version)) {
    return refuse(response, 400, `Bad Request: Unsupported protocol version: ${version}`);
  }
  const isNew = message.method === 'initialize';
  const session = isNew ? openSession() : findSession(request, response);
  if (!session) return undefined;
  if (message.method === undefined || message.id === undefined) {
    session.server.handle(message);
    return response.writeHead(202).end();
  }
  session.answers.set(message.id, answerTo(response, { headers: isNew ? { 'mcp-session-id': session.id } : {} }));
  return session.server.handle(message);
}

/** Modern: nothing outlives the POST, and closing its stream cancels it. */
function serveExchange(request, response, message) {
  const { id, method, params = {} } = message;
  if (id === undefined) return response.writeHead(202).end();
  const header = (name) => request.headers[`mcp-${name}`];
  const expected = {
    'protocol-version': params._meta?.[`${META}protocolVersion`],
    method,
    name: params[NAMED[method]],
  };
  const wrong = Object.keys(expected).find((name) => expected[name] !== undefined && header(name) !== expected[name]);
  if (wrong && expected['protocol-version'] !== undefined) {
    return refuse(response, 400, `Header Mcp-${wrong} does not match the body`, { code: -32020, id });
  }
  const status = (answer) => MODERN_STATUS[answer.error?.code] ?? 200;
  const server = new FixtureServer(options, shared, answerTo(response, { status }));
  response.on('close', () => server.close());
  return server.handle(message);
}

function findSession(request, response) {
  const id = request.headers['mcp-session-id'];
  const session = sessions.get(id);
  if (id === undefined) refuse(response, 400, 'Bad Request: Mcp-Session-Id header is required');
  else if (!session) refuse(response, 404, 'Session not found', { code: -32001 });
  return session;
}

function getStreamable(request, response) {
  if (options.era === 'modern') return refuse(response, 405, 'Method not allowed');
  const session = findSession(request, response);
  if (!session) return undefined;
  if (session.standalone) return refuse(response, 409, 'Conflict: the session has a stream already');
  session.standalone = response;
  response.on('close', () => (session.standalone = undefined));
  return response.writeHead(200, sseHead).flushHeaders();
}

function deleteStreamable(request, response) {
  const session = findSession(request, response);
  if (!session) return undefined;
  sessions.delete(session.id);
  session.server.close();
  session.standalone?.end();
  return response.writeHead(200).end();
}

function getOldStream(_request, response) {
  const id = randomUUID();
  const server = new FixtureServer(options, shared, (message) => response.write(event(message)));
  oldSessions.set(id, server);
  response.on('close', () => {
    oldSessions.delete(id);
    server.close();
  });
  response.writeHead(200, sseHead).write(`event: endpoint\ndata: /messages?sessionId=${id}\n\n`);
}

async function postOldMessage(request, response, query) {
  const server = oldSessions.get(query.get('sessionId'));
  if (!server) return refuse(response, 404, 'Session not found');
  const message = await readMessage(request);
  response.writeHead(202).end('Accepted');
  return server.handle(message);
}

const routes = {
  ...(options.transport !== 'sse' && {
    '/mcp': { POST: postStreamable, GET: getStreamable, DELETE: deleteStreamable },
  }),
  ...(options.transport !== 'streamable' && { '/sse': { GET: getOldStream }, '/messages': { POST: postOldMessage } }),
};

async function serve(request, response) {
  const { pathname, searchParams } = new URL(request.url, 'http://127.0.0.1');
  const route = routes[pathname];
  if (!isAllowed(request)) {
    return json(response, 401, { error: 'unauthorized' }, { 'www-authenticate': 'Bearer realm="fixture"' });
  }
  if (!route) return refuse(response, 404, 'Not found');
  if (!route[request.method]) return refuse(response, 405, 'Method not allowed');
  return await route[request.method](request, response, searchParams);
}

applyStartFlags(options);
const http = createServer((request, response) => {
  serve(request, response).catch((error) => {
    if (response.headersSent) response.destroy();
    else refuse(response, 400, `Parse error: ${error.message}`, { code: -32700 });
  });
});
http.listen(Number(options.port), '127.0.0.1', () => console.log(`listening ${http.address().port}`));
process.stdin.resume().on('end', () => process.exit(0));
process.on('SIGTERM', () => process.exit(0));
