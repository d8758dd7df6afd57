#!/usr/bin/env node
/**
 * A small MCP server over stdio for tests: well-behaved by default, stubborn or silent where a flag says so. No
 * dependencies, `--help` lists the flags. What it is made of serves others too: over HTTP in fixture-http-server.mjs,
 * with every misbehaviour of the fault catalogue in faulty-mcp-server.mjs.
 */
import { spawn } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

export const LEGACY_VERSIONS = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'];
export const MODERN_VERSION = '2026-07-28';
const META = 'io.modelcontextprotocol/';
const NOTE_TEMPLATE = { uriTemplate: 'fixture://note/{number}', name: 'note', mimeType: 'text/plain' };
const SERVER_INFO = { name: 'fixture-server', version: '1.0.0' };
const ERAS = ['legacy', 'modern', 'dual', 'mute-discover', 'exit-on-discover'];

/** name: [placeholder or '' for a switch, default, help] */
export const PROTOCOL_FLAGS = {
  era: ['ERA', 'legacy', `${ERAS.join(' | ')}; the last two are legacy servers that are silent or exit on the probe`],
  'page-size': ['N', '0', 'split every list into pages of N; 0 means one page'],
  tools: ['N', '0', 'offer N more tools: extra-1, extra-2, ...'],
  'slow-init': ['MS', '0', 'answer initialize and server/discover only after MS'],
  'bad-version': ['V', undefined, 'claim the protocol version V whatever was asked for'],
  'init-error': ['', false, 'answer initialize and server/discover with an error'],
  'die-after-init': ['MS', undefined, 'exit with 1, MS after initialize or server/discover was answered'],
  exit: ['CODE', undefined, 'print a line on stderr and exit at once'],
  hang: ['', false, 'read, but never answer anything'],
  stderr: ['TEXT', undefined, 'print TEXT on stderr at the start'],
  'lifetime-ms': ['MS', '600000', 'exit by itself then, so that a failed test leaves nothing for ever'],
  help: ['', false, 'print this'],
};

export const STDIO_FLAGS = {
  'not-mcp': ['', false, 'print a banner on stdout and speak no MCP'],
  noise: ['', false, 'print log lines on stdout between the messages'],
  'ignore-eof': ['', false, 'go on when stdin ends'],
  'ignore-term': ['', false, 'ignore SIGTERM'],
  fork: ['', false, 'start a grandchild in the same process group that ignores SIGTERM'],
  daemon: ['', false, 'start a grandchild in a session of its own that ignores SIGTERM'],
};

export function readFlags(title, flags) {
  const options = Object.entries(flags).map(([name, [value, fallback]]) => {
    return [name, { type: value ? 'string' : 'boolean', default: fallback }];
  });
  const { values } = parseArgs({ options: Object.fromEntries(options) });
  if (values.help) {
    const lines = Object.entries(flags).map(
      ([name, [value, , help]]) => `  --${`${name} ${value}`.padEnd(22)} ${help}`,
    );
    console.log([title, '', ...lines].join('\n'));
    process.exit(0);
  }
  if (!ERAS.includes(values.era)) throw new Error(`--era must be one of: ${ERAS.join(', ')}`);
  return values;
}

/** What both transports do before they serve anything. */
export function applyStartFlags(options) {
  setTimeout(() => process.exit(1), Number(options['lifetime-ms']));
  if (options.stderr !== undefined) console.error(options.stderr);
  if (options.exit !== undefined) {
    console.error(`fixture-server: told to exit with ${options.exit}`);
    process.exit(Number(options.exit));
  }
}

const rpcError = (code, message, data) => Object.assign(new Error(message), { code, data });
const text = (value) => ({ content: [{ type: 'text', text: value }] });
const numbered = (prefix, count) => Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`);
const failure = (value) => ({ ...text(value), isError: true });

/** A `?` at the end of a name marks an optional argument. */
const TOOLS = {
  echo: ['Gives the text back', { text: 'string' }, (args) => `Echo: ${args.text}`],
  add: ['Adds two numbers', { a: 'number', b: 'number' }, (args) => String(args.a + args.b)],
  sleep: ['Waits, with progress if asked for', { ms: 'number' }, sleep],
  fail: ['Answers with isError', {}, () => failure('This tool always fails')],
  crash: ['Ends the server in the middle of the call', { 'code?': 'number' }, (args) => process.exit(args.code ?? 1)],
  env: [
    'The value of an environment variable',
    { name: 'string' },
    ({ name }) => process.env[name] ?? failure('It is not set'),
  ],
  environ: ['The names of all environment variables', {}, () => JSON.stringify(Object.keys(process.env).sort())],
  pid: ['The process id of the server', {}, () => String(process.pid)],
  blob: ['A text of that many bytes', { bytes: 'number' }, (args) => 'x'.repeat(args.bytes)],
  'ask-ping': ['Pings the client and returns once it has answered', {}, askPing],
  'change-list': ['Adds an entry to tools, resources or prompts and tells it', { 'what?': 'string' }, changeList],
};

async function sleep({ ms }, call) {
  for (let step = 1; step <= 10; step += 1) {
    await delay(ms / 10, undefined, { signal: call.signal });
    call.progress((ms * step) / 10, ms);
  }
  return `Slept ${ms} ms`;
}

async function askPing(_args, call) {
  if (call.modern) return failure('A server of this revision sends no requests');
  await call.server.request('ping', call.id);
  return 'Pong';
}

function changeList({ what = 'tools' }, call) {
  if (!(what in call.server.shared.added)) return failure(`No such list: ${what}`);
  call.server.shared.added[what] += 1;
  for (const server of call.server.shared.servers) server.announce(what);
  return `Changed ${what}`;
}

/** State that all sessions of one process have in common. */
export const createShared = () => ({ added: { tools: 0, resources: 0, prompts: 0 }, servers: new Set() });

/** One session (legacy) or one message exchange (modern); the transport gives `send` and calls `handle`. */
export class FixtureServer {
  #running = new Map();
  #waiting = new Map();
  #subscriptions = new Map();
  #ready = false;
  #lastId = 0;

  /** `send(message, requestId)`: requestId names the client's request that the message belongs to, if any. */
  constructor(options, shared, send) {
    Object.assign(this, { options, shared, send });
    shared.servers.add(this);
  }

  /** Forgets the session and stops what runs in it. */
  close() {
    this.shared.servers.delete(this);
    for (const controller of this.#running.values()) controller.abort();
  }

  handle(message) {
    if (this.options.hang) return;
    if (message.method === undefined) this.#waiting.get(message.id)?.(message);
    else if (message.id !== undefined) void this.#onRequest(message);
    else if (message.method === 'notifications/cancelled') this.#running.get(message.params?.requestId)?.abort();
  }

  /** Asks the client; resolves with its answer, whether result or error. */
  request(method, requestId) {
    const id = `fixture-${(this.#lastId += 1)}`;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.send({ jsonrpc: '2.0', id, method }, requestId);
    }).finally(() => this.#waiting.delete(id));
  }

  announce(what) {
    const method = `notifications/${what}/list_changed`;
    if (this.#ready) this.#notify(method);
    for (const [id, filter] of this.#subscriptions) {
      if (filter[`${what}ListChanged`]) this.#notify(method, { _meta: { [`${META}subscriptionId`]: id } }, id);
    }
  }

  #notify(method, params, requestId) {
    this.send({ jsonrpc: '2.0', method, params }, requestId);
  }

  async #onRequest({ id, method, params = {} }) {
    const controller = new AbortController();
    this.#running.set(id, controller);
    let answer;
    try {
      const result = await this.#dispatch(id, method, params, controller.signal);
      answer = result && { result };
    } catch ({ code = -32603, message, data }) {
      answer = { error: { code, message, data } };
    }
    this.#running.delete(id);
    this.#subscriptions.delete(id);
    if (answer && !controller.signal.aborted) this.send({ jsonrpc: '2.0', id, ...answer }, id);
  }

  async #dispatch(id, method, params, signal) {
    const { era } = this.options;
    const version = params._meta?.[`${META}protocolVersion`];
    if (method === 'server/discover' && era === 'mute-discover') return undefined;
    if (method === 'server/discover' && era === 'exit-on-discover') process.exit(1);

    const modern = era === 'modern' || (era === 'dual' && version !== undefined);
    const supportedVersions = [this.options['bad-version'] ?? MODERN_VERSION];
    if (modern) this.#checkEnvelope(method, params, version, supportedVersions);
    const progressToken = params._meta?.progressToken;
    const progress = (done, total) =>
      progressToken !== undefined &&
      this.#notify('notifications/progress', { progressToken, progress: done, total }, id);
    const call = { id, modern, signal, server: this, progress };
    if (!modern && method === 'initialize') return await this.#initialize(params);
    if (!modern && method === 'ping') return {};
    if (modern && method === 'server/discover')
      return this.#complete({ supportedVersions, ...(await this.#introduction()) }, true);
    if (modern && method === 'subscriptions/listen') return await this.#listen(id, params.notifications ?? {}, signal);
    const result = await this.#feature(method, params, call);
    return modern ? this.#complete(result, method.endsWith('/list') || method === 'resources/read') : result;
  }

  async #feature(method, params, call) {
    const features = {
      'tools/list': () => this.#page('tools', this.#tools(), params.cursor),
      'tools/call': () => this.#callTool(params, call),
      'resources/list': () => this.#page('resources', this.#resources(), params.cursor),
      'resources/templates/list': () => ({ resourceTemplates: [NOTE_TEMPLATE] }),
      'resources/read': () => this.#read(params.uri, call.modern),
      'prompts/list': () => this.#page('prompts', this.#prompts(), params.cursor),
      'prompts/get': () => this.#prompt(params),
    };
    if (!Object.hasOwn(features, method)) throw rpcError(-32601, `Method not found: ${method}`);
    return await features[method]();
  }

  #checkEnvelope(method, params, version, supported) {
    const requested = version ?? (method === 'initialize' ? params.protocolVersion : undefined);
    if (requested === undefined || (version !== undefined && !params._meta[`${META}clientCapabilities`])) {
      throw rpcError(-32602, `Every request needs _meta with ${META}protocolVersion and ${META}clientCapabilities`);
    }
    if (requested === MODERN_VERSION || supported.includes(requested)) return;
    throw rpcError(-32022, 'Unsupported protocol version', { supported, requested });
  }

  /** What tells a client who we are, in both eras. */
  async #introduction() {
    const { 'slow-init': slowMs, 'init-error': refuse, 'die-after-init': dieAfterMs } = this.options;
    if (slowMs !== '0') await delay(Number(slowMs));
    if (refuse) throw rpcError(-32603, 'Told to refuse the initialization');
    if (dieAfterMs !== undefined) setTimeout(() => process.exit(1), Number(dieAfterMs));
    const listChanged = { listChanged: true };
    const capabilities = { tools: listChanged, resources: listChanged, prompts: listChanged };
    return { capabilities, serverInfo: SERVER_INFO, instructions: 'A server for tests: try the tool echo.' };
  }

  async #initialize({ protocolVersion }) {
    const introduction = await this.#introduction();
    this.#ready = true;
    const version = LEGACY_VERSIONS.includes(protocolVersion) ? protocolVersion : LEGACY_VERSIONS[0];
    return { protocolVersion: this.options['bad-version'] ?? version, ...introduction };
  }

  #complete(result, cacheable) {
    const meta = { ...result._meta, [`${META}serverInfo`]: SERVER_INFO };
    return { resultType: 'complete', ...result, ...(cacheable && { ttlMs: 0, cacheScope: 'private' }), _meta: meta };
  }

  /** Stays open until the client cancels it. */
  async #listen(id, filter, signal) {
    const _meta = { [`${META}subscriptionId`]: id };
    const names = Object.keys(this.shared.added).map((what) => `${what}ListChanged`);
    const notifications = Object.fromEntries(names.filter((name) => filter[name] === true).map((name) => [name, true]));
    this.#subscriptions.set(id, notifications);
    this.#notify('notifications/subscriptions/acknowledged', { notifications, _meta }, id);
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
  }

  #page(name, items, cursor = '0') {
    const size = Number(this.options['page-size']) || Infinity;
    const from = Number(cursor);
    if (cursor === '' || !(from >= 0 && from <= items.length)) throw rpcError(-32602, `Unknown cursor: ${cursor}`);
    const more = from + size < items.length && { nextCursor: String(from + size) };
    return { [name]: items.slice(from, from + size), ...more };
  }

  #extras() {
    return numbered('extra-', Number(this.options.tools) + this.shared.added.tools);
  }

  #tools() {
    const extras = this.#extras().map((name) => [name, [`Extra tool ${name}`, {}]]);
    return [...Object.entries(TOOLS), ...extras].map(([name, [description, types]]) => {
      const properties = Object.entries(types).map(([key, type]) => [key.replace('?', ''), { type }]);
      const required = Object.keys(types).filter((key) => !key.endsWith('?'));
      const inputSchema = { type: 'object', properties: Object.fromEntries(properties), required };
      return { name, description, inputSchema };
    });
  }

  async #callTool({ name, arguments: args = {} }, call) {
    if (this.#extras().includes(name)) return text(`${name} was called`);
    if (!Object.hasOwn(TOOLS, name)) throw rpcError(-32602, `Unknown tool: ${name}`);
    const [, types, run] = TOOLS[name];
    const wrong = Object.entries(types).find(([key, type]) => !key.endsWith('?') && typeof args[key] !== type);
    if (wrong) return failure(`${wrong[0]} must be a ${wrong[1]}`);
    const result = await run(args, call);
    return typeof result === 'string' ? text(result) : result;
  }

  #resources() {
    const notes = numbered('fixture://note/', 3 + this.shared.added.resources);
    return [
      ...notes.map((uri) => ({ uri, name: uri.slice('fixture://'.length), mimeType: 'text/plain' })),
      { uri: 'fixture://bytes', name: 'bytes', mimeType: 'application/octet-stream' },
    ];
  }

  #read(uri, modern) {
    const resource = this.#resources().find((one) => one.uri === uri);
    if (!resource) throw rpcError(modern ? -32602 : -32002, `Resource not found: ${uri}`, { uri });
    const { name, mimeType } = resource;
    return {
      contents: [{ uri, mimeType, ...(name === 'bytes' ? { blob: 'AAEC/w==' } : { text: `This is ${name}` }) }],
    };
  }

  #prompts() {
    const plain = numbered('plain-', 2 + this.shared.added.prompts);
    const greet = { name: 'greet', description: 'Greets by name', arguments: [{ name: 'name', required: true }] };
    return [greet, ...plain.map((name) => ({ name, description: `Prompt ${name}` }))];
  }

  #prompt({ name, arguments: args = {} }) {
    if (!this.#prompts().some((prompt) => prompt.name === name)) throw rpcError(-32602, `Unknown prompt: ${name}`);
    if (name === 'greet' && !args.name) throw rpcError(-32602, 'The argument "name" is missing');
    const words = name === 'greet' ? `Say hello to ${args.name}` : `This is ${name}`;
    return { messages: [{ role: 'user', content: { type: 'text', text: words } }] };
  }
}

/**
 * Speaks over standard input and output. Who misbehaves stands in between: `receive(message, server)` gets each message
 * instead of the server, `send(message, write)` each one of the server instead of the pipe.
 */
export function serveStdio(options, { receive = handOver, send = hand } = {}) {
  applyStartFlags(options);
  if (options['ignore-term']) process.on('SIGTERM', () => undefined);
  // An ignored signal stays ignored across exec; the sleep is bounded for the same reason as --lifetime-ms.
  const stubborn = ['-c', 'trap "" TERM; exec sleep 600'];
  if (options.fork) spawn('sh', stubborn, { stdio: 'ignore' }).unref();
  if (options.daemon) spawn('sh', stubborn, { stdio: 'ignore', detached: true }).unref();

  const end = () => options['ignore-eof'] || process.exit(0);
  const noise = (line) => options.noise && process.stdout.write(`[fixture] ${line}\n`);
  process.stdout.on('error', end);
  const write = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
  const server = new FixtureServer(options, createShared(), (message) => {
    noise('about to send a message');
    send(message, write);
    noise('{"this is": "no message"}');
  });
  if (options['not-mcp']) console.log('Welcome to the fixture! Type "help" for help.');

  let rest = '';
  process.stdin.setEncoding('utf8').on('data', (chunk) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop();
    if (options['not-mcp']) return;
    for (const line of lines) if (line.trim()) receive(JSON.parse(line), server);
  });
  process.stdin.on('end', end);
}

const handOver = (message, server) => server.handle(message);
const hand = (message, write) => write(message);

if (realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  serveStdio(readFlags('A small MCP server over stdio, for tests.', { ...PROTOCOL_FLAGS, ...STDIO_FLAGS }));
}
