/**
 * What recording costs: `npm run bench:recording` (after `npm run build`), all in this process so that every thread counts.
 *
 * 1. Calls of `echo`, relayed as text to the official example server over stdio, with recording and without in turns: how many
 *    calls a second remain, and how much CPU (all threads of this process) a call costs more.
 * 2. 2,000 messages a second for a minute while a text search over 1,000,000 rows and a read of all rows run: how long the
 *    event loop is kept, beside the same without recording, and whether every message is stored exactly once.
 *
 * `--rounds=N --seconds=N --rows=N` make it shorter. Ends with 1 if a limit is exceeded; figures of a busy machine say little.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { everything, fill, load, openBench, option, report } from './log-bench.mjs';

const { McpPeer } = load('dist/src/mcp/mcp-peer.js');
const { StdioTransport } = load('dist/src/mcp/stdio-transport.js');

const ROUNDS = option('rounds', 6);
const ROUND_MS = 4_000;
const IN_FLIGHT = 32;
const SECONDS = option('seconds', 60);
const ROWS = option('rows', 1_000_000);
const PER_SECOND = 2_000;
const TOOL = { id: '0193b1a0-0000-7000-8000-00000000ffff', name: 'echo', recordPayloads: true };

async function withPeer(sink, work) {
  const child = spawn(process.execPath, [everything], { stdio: ['pipe', 'pipe', 'ignore'] });
  const transport = new StdioTransport({ stdin: child.stdin, stdout: child.stdout });
  const peer = new McpPeer({ transport, sink, tool: TOOL, clientInfo: { name: 'bench', version: '0' } });
  await peer.open(new AbortController().signal);
  try {
    await peer.request({ method: 'initialize', params: HELLO, timeoutMs: 20_000, client: 'bench', sessionId: null });
    peer.notify('notifications/initialized');
    return await work(peer, child.pid);
  } finally {
    await peer.close();
    child.kill();
    await once(child, 'close');
  }
}

const SESSION = '0193b1a0-0000-7000-8000-0000000000aa';
const HELLO = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'bench', version: '0' } };
const params = { name: 'echo', arguments: { message: 'm'.repeat(60) } };

/** A call as a gateway relays it: the client's request as text in, the answer to it as text out. */
async function relay(peer, text) {
  const { id, method, params: given } = JSON.parse(text);
  const result = await peer.request({ method, params: given, timeoutMs: 10_000, client: 'bench', sessionId: SESSION });
  return JSON.stringify({ jsonrpc: '2.0', id, result });
}

async function calls(peer, ms) {
  const until = performance.now() + ms;
  let count = 0;
  const one = async () => {
    while (performance.now() < until) {
      const id = count++;
      const answer = await relay(peer, JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params }));
      if (!answer.includes('Echo')) throw new Error(`No echo: ${answer}`);
    }
  };
  const cpu = process.cpuUsage();
  const mainUs = threadUs(process.pid);
  const began = performance.now();
  await Promise.all(Array.from({ length: IN_FLIGHT }, one));
  return { count, cpu, began, mainUs };
}

/** CPU of a process's main thread alone, where Linux tells (in ticks of 10 ms). */
function threadUs(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/task/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10_000;
  } catch {
    return NaN;
  }
}

/** One round; the CPU counts until everything is stored. */
async function round(bench, isRecording) {
  const recording = isRecording ? bench.record() : null;
  const sink = recording?.recorder ?? { record: () => undefined };
  const figures = await withPeer(sink, async (peer, pid) => {
    await calls(peer, 500);
    await recording?.recorder.settled();
    const childUs = threadUs(pid);
    const { count, cpu, began, mainUs } = await calls(peer, ROUND_MS);
    const ms = performance.now() - began;
    while ((recording?.recorder.counters.queued ?? 0) > 0) await pause(5);
    const { user, system } = process.cpuUsage(cpu);
    const cores = (user + system + threadUs(pid) - childUs) / 1000 / (performance.now() - began);
    return {
      perSecond: (count * 1000) / ms,
      cpuUs: (user + system) / count,
      mainUs: (threadUs(process.pid) - mainUs) / count,
      cores,
    };
  });
  const lost = recording?.recorder.counters.dropped ?? 0;
  await recording?.close();
  return { ...figures, lost };
}

async function cost() {
  const bench = await openBench();
  const on = [];
  const off = [];
  for (let n = 0; n < ROUNDS; n++) {
    off.push(await round(bench, false));
    on.push(await round(bench, true));
  }
  await bench.close();
  const median = (list) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)];
  const pairs = on.map((figures, n) => ({
    ratio: figures.perSecond / off[n].perSecond,
    addedUs: figures.cpuUs - off[n].cpuUs,
    addedMainUs: figures.mainUs - off[n].mainUs,
  }));
  report('calls/s without recording', median(off.map((each) => each.perSecond)));
  report('calls/s with recording', median(on.map((each) => each.perSecond)));
  report('CPU of a call without recording, us', median(off.map((each) => each.cpuUs)));
  report(
    'with recording, part of the calls/s that remains',
    median(pairs.map(({ ratio }) => ratio)),
    0.85,
    (x) => x >= 0.85,
  );
  report('recording adds CPU to a call, us', median(pairs.map(({ addedUs }) => addedUs)), 25);
  report('of which on the main thread, us', median(pairs.map(({ addedMainUs }) => addedMainUs)));
  // Below two, others took what the child, the relay and the writer need: then the part that remains says little.
  report('cores that we and the child had, with recording', median(on.map(({ cores }) => cores)));
  report(
    'records lost',
    on.reduce((sum, { lost }) => sum + lost, 0),
    0,
  );
}

/** So many messages a second, and how long the event loop was kept meanwhile. */
async function send(sink, seconds) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const began = performance.now();
  let sent = 0;
  while (performance.now() - began < seconds * 1000) {
    const due = Math.floor(((performance.now() - began) / 1000) * PER_SECOND);
    for (; sent < due; sent++) sink.record(aMessage(sent));
    await pause(1);
  }
  delay.disable();
  return { sent, delay };
}

async function load2000() {
  const bench = await openBench();
  await fill(bench, ROWS);
  const before = await stored(bench);
  const { recorder, close } = bench.record();
  let reading = true;
  let searches = 0;
  let read = 0;
  const search = async () => {
    while (reading) {
      await bench.rows.list({ search: 'is nowhere to be found', order: 'desc', limit: 50 }).catch((error) => {
        if (error.code !== 'query_too_slow') throw error;
      });
      searches++;
    }
  };
  const exporting = async () => {
    while (reading) {
      for await (const chunk of bench.rows.iterate({ order: 'asc' })) {
        read += chunk.length;
        if (!reading) return;
      }
    }
  };
  const readers = [search(), exporting()];
  await pause(500);
  // The same work with nothing recorded: what the machine itself and its other users cost.
  const baseline = await send({ record: () => undefined }, Math.min(SECONDS, 20));
  const { sent, delay } = await send(recorder, SECONDS);
  reading = false;
  await Promise.all(readers);
  while (recorder.counters.queued > 0) await pause(5);
  const { dropped, payloadsDropped, flushMs } = recorder.counters;
  await close();
  const distinct = await bench.reader.query({
    sql: `SELECT count(*) AS n, count(DISTINCT rpc_id) AS d FROM mcp_log WHERE tool_id = ? AND seq > ?`,
    values: [TOOL.id, before],
  });
  const messages = Number(distinct[0].n);
  report('messages a second', sent / SECONDS);
  report('text searches over all rows meanwhile', searches);
  report('rows read by the export meanwhile', read);
  report('event loop delay p99 without recording, beside the same readers, ms', baseline.delay.percentile(99) / 1e6);
  report('event loop delay p50, ms', delay.percentile(50) / 1e6);
  report('event loop delay p99, ms', delay.percentile(99) / 1e6, 20);
  report('event loop delay max, ms', delay.max / 1e6);
  report('last commit, ms', flushMs);
  report('records dropped', dropped + payloadsDropped, 0);
  report('rows missing', sent - messages, 0, (x) => x === 0);
  report('rows stored twice', messages - Number(distinct[0].d), 0, (x) => x === 0);
  await bench.close();
}

async function stored(bench) {
  const [row] = await bench.reader.query({ sql: 'SELECT COALESCE(max(last), 0) AS n FROM mcp_chunk', values: [] });
  return Number(row.n);
}

function aMessage(n) {
  return {
    at: Date.now(),
    toolId: TOOL.id,
    toolName: TOOL.name,
    sessionId: `session-${n % 50}`,
    client: 'bench',
    direction: n % 2 ? 'from-server' : 'to-server',
    kind: n % 2 ? 'response' : 'request',
    method: 'tools/call',
    target: 'echo',
    rpcId: n,
    outcome: n % 2 ? 'ok' : null,
    durationMs: n % 2 ? 1.5 : null,
    sizeBytes: 300,
    payload: `{"jsonrpc":"2.0","id":${n},"text":"${'x'.repeat(300)}"}`,
  };
}

await cost();
await load2000();
