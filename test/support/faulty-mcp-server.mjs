#!/usr/bin/env node
/**
 * The MCP server of the fault catalogue (docs/faults.md): everything that a server can do wrong, on request. It is the
 * fixture server with faults in between; `--help` lists both. It ends by itself after --lifetime-ms, and so does all
 * that it starts.
 */
import { spawn } from 'node:child_process';
import { appendFileSync, closeSync, existsSync, readFileSync } from 'node:fs';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { PROTOCOL_FLAGS, readFlags, serveStdio, STDIO_FLAGS } from './fixture-mcp-server.mjs';

const MIB = 1024 * 1024;
/** A leak stops here, and a blocked event loop ends here: neither may take the machine along. */
const MOST_LEAKED_MIB = 512;
const MOST_BUSY_MS = 60_000;
/** Outlives SIGTERM; bounded for the same reason as --lifetime-ms. */
const STUBBORN = ['-c', 'trap "" TERM; exec sleep 600'];

const OCCASIONS = {
  'at-start': 'before anything is read',
  'at-init': 'instead of the proper answer to initialize or server/discover',
  'after-init': 'once that answer is sent',
  'in-call': 'instead of the proper answer to any tools/call but those of `add`',
};

/** name: [argument, help]; done at once, and then the server goes on as if nothing was. */
const DEEDS = {
  exit: ['CODE', 'exit', (code) => process.exit(Number(code || 1))],
  signal: ['NAME', 'send itself a signal, such as SIGSEGV', (name) => process.kill(process.pid, name)],
  busy: ['', 'block its event loop for a minute', () => block(MOST_BUSY_MS)],
  leak: ['MIB', 'take so much more memory each second', leak],
  'stderr-flood': [
    '',
    'fill standard error as fast as it is read',
    () => start('timeout', ['--foreground', '600', 'yes'], { stdio: ['ignore', 2, 2] }),
  ],
  'stderr-line': ['BYTES', 'write one line of that length on standard error', (bytes) => writeLine(2, Number(bytes))],
  'notify-flood': ['', 'send valid notifications as fast as they are read', notifyForEver],
  noise: ['FILE', 'write the bytes of a file on standard output', (file) => process.stdout.write(readFileSync(file))],
  bytes: ['HEX', 'write those bytes on standard output', (hex) => process.stdout.write(Buffer.from(hex, 'hex'))],
  'no-read': ['', 'read nothing more', () => process.stdin.pause()],
  'close-stdin': ['', 'close standard input and stay', closeStdin],
  'close-stdout': ['', 'close standard output and stay', closeStdout],
  members: ['N', 'start N processes in its group that ignore SIGTERM', (count) => startMany(Number(count || 1))],
  'anonymous-member': ['', 'start one in its group with an empty environment', () => stubborn({ env: {} })],
  daemon: ['', 'start one in a session of its own', () => stubborn({ detached: true })],
  'anonymous-daemon': ['', 'the same with an empty environment', () => stubborn({ detached: true, env: {} })],
  'loud-daemon': ['', 'the same with its own environment, holding all three pipes', loudDaemon],
};

/** name: [argument, help]; what is written instead of the proper answer. */
const ANSWERS = {
  mute: ['', 'no answer', () => []],
  late: ['MS', 'the answer, so much later', late],
  held: ['FILE', 'the answer, as soon as there is that file', held],
  twice: ['', 'the answer, and another with the same id', (answer) => [line(answer), line(second(answer))]],
  'alien-ids': ['', 'answers to nobody, then the right one', alienIds],
  huge: ['MIB', 'an answer of that size in one line', huge],
  endless: ['', 'an answer that never ends, in one line', endless],
  deep: ['N', 'an answer that nests N arrays', deep],
  proto: ['', 'the answer with members __proto__ and constructor', proto],
  shape: ['', 'a result that is a number', ({ id }) => [line({ jsonrpc: '2.0', id, result: 42 })]],
  'bad-utf8': ['', 'the answer with a byte in it that is no UTF-8', badUtf8],
  'split-utf8': ['', 'the answer with a character of four bytes, byte by byte', splitUtf8],
};

const OWN_FLAGS = {
  ...Object.fromEntries(Object.entries(OCCASIONS).map(([name, help]) => [name, ['FAULTS', '', `${help}, do FAULTS`]])),
  diary: ['FILE', undefined, 'append "start PID AT", "ready PID AT" and "child PID AT" (epoch ms) to a file'],
};

const faultLines = (title, table) => [
  title,
  ...Object.entries(table).map(
    ([name, [argument, help]]) => `    ${(argument ? `${name}:${argument}` : name).padEnd(20)} ${help}`,
  ),
];
const TITLE = [
  'An MCP server over stdio that does wrong what it is told to, for tests.',
  '',
  'FAULTS is a list such as leak:50,exit:3@2000; @MS puts a fault off.',
  ...faultLines('  Deeds, in any FAULTS:', DEEDS),
  ...faultLines('  Answers, in --at-init and --in-call:', ANSWERS),
].join('\n');

const options = readFlags(TITLE, { ...OWN_FLAGS, ...PROTOCOL_FLAGS, ...STDIO_FLAGS });
const faults = Object.fromEntries(Object.keys(OCCASIONS).map((name) => [name, parse(options[name])]));
/** How the answer to a request is to be spoilt, by its id. */
const spoilt = new Map();

function parse(text) {
  return text
    .split(',')
    .filter(Boolean)
    .map((one) => {
      const [, name, argument, afterMs] = /^([a-z0-9-]+)(?::([^@]*))?(?:@(\d+))?$/.exec(one) ?? [];
      if (!Object.hasOwn(DEEDS, name ?? '') && !Object.hasOwn(ANSWERS, name ?? ''))
        throw new Error(`No such fault: ${one}`);
      return { name, argument, afterMs };
    });
}

function note(word, pid = process.pid) {
  if (options.diary) appendFileSync(options.diary, `${word} ${pid} ${Date.now()}\n`);
}

function start(command, args, given) {
  const child = spawn(command, args, given);
  note('child', child.pid);
  child.unref();
}

function stubborn(given = {}) {
  start('/bin/sh', STUBBORN, { stdio: 'ignore', ...given });
}

function startMany(count) {
  for (let n = 0; n < count; n += 1) stubborn();
}

function loudDaemon() {
  stubborn({ stdio: 'inherit', detached: true });
}

/** By hand: Node leaves the descriptors of its own three streams open, whatever happens to the streams. */
function closeStdin() {
  process.stdin.destroy();
  closeSync(0);
}

function closeStdout() {
  process.stdout.write = () => true;
  closeSync(1);
}

function block(ms) {
  const until = Date.now() + ms;
  while (Date.now() < until);
}

async function leak(mib) {
  const kept = [];
  while (kept.length < MOST_LEAKED_MIB) {
    kept.push(Buffer.alloc(MIB, 1));
    await delay(1000 / Number(mib));
  }
}

function writeLine(fd, bytes) {
  (fd === 2 ? process.stderr : process.stdout).write(`${'x'.repeat(bytes)}\n`);
}

async function notifyForEver() {
  const params = { level: 'info', data: 'one of very many' };
  const lines = line({ jsonrpc: '2.0', method: 'notifications/message', params }).repeat(200);
  for (;;) {
    if (waiting === 0) await put(lines);
    else await lastTurn;
  }
}

const line = (message) => `${JSON.stringify(message)}\n`;
const second = (answer) => ({ ...answer, result: { content: [{ type: 'text', text: 'a second answer' }] } });

/** The pieces of text of one answer, as head and tail of a long text between them. */
function around({ id }) {
  const [head, tail] = JSON.stringify({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: '|' }] } }).split(
    '|',
  );
  return { head, tail: `${tail}\n` };
}

async function* late(answer, ms) {
  await delay(Number(ms));
  yield line(answer);
}

async function* held(answer, file) {
  while (!existsSync(file)) await delay(10);
  yield line(answer);
}

function alienIds(answer) {
  const wrong = [answer.id + 1000, `x${answer.id}`, answer.id + 0.5, -answer.id, null, true, [answer.id]];
  return [...wrong.map((id) => line({ ...second(answer), id })), line(answer)];
}

function* huge(answer, mib) {
  const { head, tail } = around(answer);
  yield head;
  for (let n = 0; n < Number(mib); n += 1) yield 'x'.repeat(MIB);
  yield tail;
}

function* endless(answer) {
  yield around(answer).head;
  for (;;) yield 'x'.repeat(MIB);
}

function deep({ id }, levels) {
  const nested = `${'['.repeat(Number(levels))}${']'.repeat(Number(levels))}`;
  return [`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"content":[],"nested":${nested}}}\n`];
}

function proto(answer) {
  const evil = '"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}';
  return [`${JSON.stringify(answer).replace('"result":{', `"result":{${evil},`)}\n`];
}

function badUtf8(answer) {
  const { head, tail } = around(answer);
  return [
    Buffer.concat([Buffer.from(`${head}before `), Buffer.from([0xff, 0xc3, 0x28]), Buffer.from(` after${tail}`)]),
  ];
}

function* splitUtf8(answer) {
  const { head, tail } = around(answer);
  for (const byte of Buffer.from(`${head}grüezi 𝄞${tail}`)) yield Buffer.from([byte]);
}

/** Waits until it is taken, and gives everything else its turn. */
async function put(chunk) {
  if (!process.stdout.write(chunk)) await new Promise((resolve) => process.stdout.once('drain', resolve));
  await nextTurn();
}

let lastTurn = Promise.resolve();
let waiting = 0;

/** One after the other: a message in the middle of another would spoil both. */
function inTurn(work) {
  waiting += 1;
  lastTurn = lastTurn.then(work).finally(() => (waiting -= 1));
}

/** The wait for the first piece is nobody else's. */
async function putAll(chunks) {
  const pieces = chunks[Symbol.asyncIterator]?.() ?? chunks[Symbol.iterator]();
  let piece = await pieces.next();
  inTurn(async () => {
    for (; !piece.done; piece = await pieces.next()) await put(piece.value);
  });
}

/** Does the deeds of an occasion and tells how the answer to `id` is to be spoilt. */
function misbehave(occasion, id) {
  for (const { name, argument, afterMs } of faults[occasion]) {
    if (Object.hasOwn(ANSWERS, name)) {
      if (id !== undefined) spoilt.set(id, (answer) => ANSWERS[name][2](answer, argument));
    } else if (afterMs === undefined) void DEEDS[name][2](argument);
    else setTimeout(() => void DEEDS[name][2](argument), Number(afterMs));
  }
}

const isInit = (message) =>
  message.method === 'initialize' ||
  (message.method === 'server/discover' && (options.era === 'modern' || options.era === 'dual'));
const greetings = new Set();

note('start');
misbehave('at-start');
serveStdio(options, {
  receive(message, server) {
    if (isInit(message)) {
      greetings.add(message.id);
      misbehave('at-init', message.id);
    }
    if (message.method === 'tools/call' && message.params?.name !== 'add') misbehave('in-call', message.id);
    server.handle(message);
  },
  send(message, write) {
    const isGreeting = message.method === undefined && greetings.delete(message.id);
    // Before anybody can have read it.
    if (isGreeting) note('ready');
    const spoil = spoilt.get(message.id);
    if (spoil) {
      spoilt.delete(message.id);
      void putAll(spoil(message));
    } else if (waiting > 0) inTurn(() => void write(message));
    else write(message);
    if (isGreeting) misbehave('after-init');
  },
});
