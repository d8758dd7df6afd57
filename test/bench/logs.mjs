/**
 * How fast the log of MCP messages is read: `npm run bench:logs` (after `npm run build`). Fills a SQLite log file with
 * 1,000,000 messages of fourteen days, asks it everything that the API can ask, and prints the time of each page (median of 5)
 * with the plan that SQLite made; then the statistics, and an export of everything. Ends with 1 where a limit is exceeded.
 *
 * `--rows=N` for fewer rows, `--folder=PATH` to fill once and ask again, `--at-once=2` for chunks as small as can be.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { DAY, fill, load, openBench, option, report } from './log-bench.mjs';

const { summarizeCalls } = load('dist/src/logs/call-summary.js');
const { planStats } = load('dist/src/logs/log-stats-plan.js');
const { entryWriter } = load('dist/src/logs/export-format.js');
const { ExportStreams } = load('dist/src/logs/export-streams.js');
const { toMcpLogView } = load('dist/src/logs/log-views.js');

const ROWS = option('rows', 1_000_000);
const PAGE_LIMIT_MS = 100;
const SEARCH_LIMIT_MS = 1_000;

const bench = await openBench();
const began = performance.now();
await fill(bench, ROWS);
report('rows', ROWS);
report('filled in, s', (performance.now() - began) / 1000);

const now = Date.now();
const tool = '0193b1a0-0000-7000-8000-000000000007';
/** [what, filter, limit] */
const QUESTIONS = [
  ['newest page', {}, PAGE_LIMIT_MS],
  ['oldest page', { order: 'asc' }, PAGE_LIMIT_MS],
  ['a page in the middle', { after: Math.floor(ROWS / 2) }, PAGE_LIMIT_MS],
  ['tool', { toolId: tool }, PAGE_LIMIT_MS],
  ['tool that has no rows', { toolId: 'none' }, PAGE_LIMIT_MS],
  ['name without a tool', { toolId: tool, toolName: 'tool-7' }, PAGE_LIMIT_MS],
  ['session', { sessionId: 'session-77' }, PAGE_LIMIT_MS],
  ['direction', { direction: 'from-server' }, PAGE_LIMIT_MS],
  ['kind request', { kind: 'request' }, PAGE_LIMIT_MS],
  ['kind error', { kind: 'error' }, PAGE_LIMIT_MS],
  ['kind notification, of which there are none', { kind: 'notification' }, PAGE_LIMIT_MS],
  ['method tools/call', { method: 'tools/call' }, PAGE_LIMIT_MS],
  ['method, rare', { method: 'completion/complete' }, PAGE_LIMIT_MS],
  ['method that never was', { method: 'no/such' }, PAGE_LIMIT_MS],
  ['target', { target: 'operation-42' }, PAGE_LIMIT_MS],
  ['target, rare', { target: 'file:///4242' }, PAGE_LIMIT_MS],
  ['at least 1 s', { minDurationMs: 1_000 }, PAGE_LIMIT_MS],
  ['at least 5 ms', { minDurationMs: 5 }, PAGE_LIMIT_MS],
  ['longer than any', { minDurationMs: 100_000 }, PAGE_LIMIT_MS],
  ['last day', { from: now - DAY }, PAGE_LIMIT_MS],
  ['a day ten days ago', { from: now - 10 * DAY, to: now - 9 * DAY }, PAGE_LIMIT_MS],
  ['before all', { to: now - 100 * DAY }, PAGE_LIMIT_MS],
  ['tool, a day ten days ago', { toolId: tool, from: now - 10 * DAY, to: now - 9 * DAY }, PAGE_LIMIT_MS],
  ['tool and kind error', { toolId: tool, kind: 'error' }, PAGE_LIMIT_MS],
  [
    'tool, tools/call, answers, at least 1 s',
    { toolId: tool, method: 'tools/call', direction: 'from-server', minDurationMs: 1_000 },
    PAGE_LIMIT_MS,
  ],
  ['session and target', { sessionId: 'session-77', target: 'operation-77' }, PAGE_LIMIT_MS],
  ['last day, at least 1 s', { from: now - DAY, minDurationMs: 1_000 }, PAGE_LIMIT_MS],
  ['search the last day, found at once', { from: now - DAY, search: 'lazy dog' }, SEARCH_LIMIT_MS],
  ['search the last day, not found', { from: now - DAY, search: 'nowhere to be found' }, SEARCH_LIMIT_MS],
  ['search the last day, beyond ASCII, not found', { from: now - DAY, search: 'größe' }, SEARCH_LIMIT_MS],
  [
    'search the last day of one tool, not found',
    { toolId: tool, from: now - DAY, search: 'nowhere to be found' },
    SEARCH_LIMIT_MS,
  ],
  ['search all days, found on the first', { search: 'NEEDLE of the first' }, null],
];

for (const [what, filter, limit] of QUESTIONS) {
  const asked = { order: 'desc', limit: 50, ...filter };
  const times = [];
  for (let n = 0; n < 5; n++) {
    const start = performance.now();
    await bench.rows.list(asked);
    times.push(performance.now() - start);
  }
  report(`${what}, ms`, times.sort((a, b) => a - b)[2], limit);
  const { sql, values } = await bench.rows.statement(asked);
  const plan = await bench.reader.query({ sql: `EXPLAIN QUERY PLAN ${sql}`, values });
  console.log(`             ${plan.map(({ detail }) => detail).join('; ')}`);
}

const [row] = await bench.rows.list({ order: 'desc', limit: 1, after: Math.floor(ROWS / 2) });
for (const [what, ask] of [
  ['by id', () => bench.rows.findById(row.id)],
  ['its other half', () => bench.rows.findPair(row)],
  ['its neighbours', () => bench.rows.neighbours(row, 5)],
]) {
  const start = performance.now();
  await ask();
  report(`one message ${what}, ms`, performance.now() - start, PAGE_LIMIT_MS);
}

await statistics(bench, 'of 14 days of 71,000 messages');
await exports(bench);
await bench.close();

// The same rows as one day.
const busy = await openBench({ temporary: true });
await fill(busy, ROWS, 1);
await statistics(busy, `of a day of ${ROWS} messages`);
await busy.close();

/** The whole of what the API does for an answer, but for the operations. */
async function statistics({ stats, storage }, what) {
  const asked = Date.now();
  for (const [name, length] of [
    ['5 minutes', DAY / 288],
    ['an hour', DAY / 24],
    ['a day', DAY],
    ['a month', 30 * DAY],
  ]) {
    const times = [];
    let total = 0;
    for (let n = 0; n < 5; n++) {
      const start = performance.now();
      const plan = planStats({ from: asked - length }, asked, true);
      const [{ entries, calls }] = await Promise.all([stats.count(plan), storage.read()]);
      await summarizeCalls(calls);
      times.push(performance.now() - start);
      total = entries.reduce((sum, each) => sum + each.entries, 0);
    }
    report(`statistics ${what}: ${name} (${total} messages), ms`, times.sort((a, b) => a - b)[2], PAGE_LIMIT_MS);
  }
}

/** Everything as a file, for a reader that pauses now and then. */
async function exports({ rows }) {
  for (const format of ['ndjson', 'csv']) {
    const streams = new ExportStreams({ onRevoked: () => undefined });
    const views = (async function* () {
      for await (const page of rows.iterate({ order: 'asc' })) yield page.map(toMcpLogView);
    })();
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const before = process.memoryUsage().rss;
    let most = before;
    let bytes = 0;
    let lines = 0;
    let pieces = 0;
    const start = performance.now();
    for await (const piece of await streams.start(views, entryWriter('mcp', format), { type: 'user', id: 'bench' })) {
      bytes += piece.length;
      for (const byte of piece) if (byte === 10) lines++;
      if (++pieces % 64 === 0) {
        most = Math.max(most, process.memoryUsage().rss);
        await pause(1);
      }
    }
    delay.disable();
    const seconds = (performance.now() - start) / 1000;
    report(`export as ${format}: rows missing`, ROWS - lines + (format === 'csv' ? 1 : 0), 0, (x) => x === 0);
    report(`export as ${format}: MB`, bytes / 1e6);
    report(`export as ${format}: rows a second`, ROWS / seconds);
    report(`export as ${format}: memory added, MB`, (most - before) / 1e6, 100);
    report(`export as ${format}: event loop delay p99, ms`, delay.percentile(99) / 1e6, 20);
  }
}
