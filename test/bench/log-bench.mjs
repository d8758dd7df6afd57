/** What the benches of the logs share: a log file with many rows in it, and the built program's own writer and readers on it. */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const folderOfRoot = fileURLToPath(new URL('../..', import.meta.url));
/** Loads a file of the repository; the built program is CommonJS. */
export const load = (path) => require(join(folderOfRoot, path));
/** A real server as the field has them: what it needs for a call is what a call costs. */
export const everything = join(folderOfRoot, 'node_modules/@modelcontextprotocol/server-everything/dist/index.js');

if (!existsSync(join(folderOfRoot, 'dist/src/main.js'))) throw new Error('dist/ is missing: run `npm run build` first');
load('node_modules/reflect-metadata');
const { SCHEMA } = load('dist/src/app.schema.js');
const { createDataSource, logDataSourceOptions } = load('dist/src/database/data-source.js');
const { DatabaseWriters } = load('dist/src/database/database-writers.js');
const { LogStorage, logDatabaseFile } = load('dist/src/database/log-database.js');
const { migrate } = load('dist/src/database/migration-runner.js');
const { SqliteReader } = load('dist/src/database/sqlite-reader.js');
const { LogWriter } = load('dist/src/logs/log-writer.js');
const { LogStatsRepository } = load('dist/src/logs/log-stats.repository.js');
const { LogStorageRepository } = load('dist/src/logs/log-storage.repository.js');
const { McpLogRepository } = load('dist/src/logs/mcp-log.repository.js');
const { Recorder } = load('dist/src/logs/recorder.service.js');
const { SqliteLogStore } = load('dist/src/logs/sqlite-log.repository.js');
const { openWriterThread } = load('dist/src/logs/writer-line.js');
const { TrafficTap } = load('dist/src/mcp/traffic-tap.js');
const { newId } = load('dist/src/common/ids.js');
const { DataSource } = load('node_modules/typeorm');
load('node_modules/@nestjs/common').Logger.overrideLogger(['warn', 'error']);

/** `--name=value` of the command line as a number. */
export function option(name, otherwise) {
  const given = process.argv.find((word) => word.startsWith(`--${name}=`));
  return given === undefined ? otherwise : Number(given.split('=')[1]);
}

export const DAY = 86_400_000;
const DAYS = 14;
/** Messages that are written at once, which are one chunk or some: `--at-once=2` is a log that was hardly used. */
const AT_ONCE = option('at-once', 2_000);

/** An empty installation in a folder of its own, or the one in `--folder`, whose rows are used again. */
export async function openBench({ temporary = false } = {}) {
  const named = temporary ? undefined : process.argv.find((word) => word.startsWith('--folder='))?.split('=')[1];
  if (named) mkdirSync(named, { recursive: true });
  const folder = named ?? mkdtempSync(join(tmpdir(), 'mcps-logs-'));
  const mainFile = join(folder, 'mcps.db');
  const file = logDatabaseFile(mainFile);
  const main = await createDataSource({ type: 'sqlite', file: mainFile, temporary: false }, SCHEMA).initialize();
  await migrate(main, { type: 'sqlite', file: mainFile, temporary: true });
  await main.destroy();
  const logs = await new DataSource(logDataSourceOptions(mainFile, SCHEMA)).initialize();
  await migrate(logs, { type: 'sqlite', file, temporary: true });
  await logs.destroy();
  const target = { type: 'sqlite', file, mainFile };
  const reader = new SqliteReader({ mainFile, logFile: file });
  return {
    folder,
    file,
    target,
    reader,
    rows: new McpLogRepository(reader),
    stats: new LogStatsRepository(reader),
    storage: new LogStorageRepository(reader),
    /** A recorder with its thread, as the program has them. */
    record() {
      const writers = new DatabaseWriters();
      const writer = new LogWriter(openWriterThread(new LogStorage(target, join(folder, 'spool'), 2 ** 29)), writers);
      const recorder = new Recorder(writer, new TrafficTap());
      recorder.onModuleInit();
      return { recorder, writer, close: () => writers.flushAll() };
    },
    async close() {
      await reader.close();
      if (!named) rmSync(folder, { recursive: true, force: true });
    },
  };
}

const tools = Array.from({ length: 20 }, (_, n) => ({
  id: `0193b1a0-0000-7000-8000-${String(n).padStart(12, '0')}`,
  name: `tool-${n}`,
}));
const text = 'the quick brown fox jumps over the lazy dog and runs on through the wood until it finds its den. '.repeat(
  5,
);

/** Rows as fourteen days of use leave them: requests and answers, some rare methods, targets, errors and slow calls. */
export async function fill(bench, count, days = DAYS) {
  const store = new SqliteLogStore(bench.file);
  const began = Date.now() - days * DAY;
  let have = await countRows(bench);
  const random = seeded(7);
  while (have < count) {
    const rows = [];
    for (let n = 0; n < AT_ONCE && have < count; n++, have++)
      rows.push({ log: 'mcp', values: aRow(have, began + (have / count) * days * DAY, random) });
    await store.write(rows);
    if (store.notRolledUp >= 5_000) await store.rollUp();
  }
  while (await store.rollUp());
  await store.close();
}

async function countRows(bench) {
  const [row] = await bench.reader.query({ sql: 'SELECT COALESCE(sum(rows), 0) AS n FROM mcp_chunk', values: [] });
  return Number(row.n);
}

function aRow(n, at, random) {
  const call = n >> 1;
  const isAnswer = n % 2 === 1;
  const tool = tools[call % tools.length];
  const dice = (call * 7919) % 1000;
  const method =
    dice < 900 ? 'tools/call' : dice < 980 ? 'resources/read' : dice < 999 ? 'prompts/get' : 'completion/complete';
  const target =
    method === 'tools/call' ? `operation-${call % 200}` : method === 'resources/read' ? `file:///${call % 5000}` : null;
  const isError = isAnswer && call % 400 === 0;
  const duration = isAnswer ? 1 + random() * 8 + (call % 1000 === 1 ? 2_000 : 0) : null;
  const payload = `{"jsonrpc":"2.0","id":${call},"${isAnswer ? 'result' : 'params'}":{"text":"${call === 900 ? 'needle of the first days ' : ''}${text}"}}`;
  return [
    newId(),
    Math.floor(at),
    tool.id,
    tool.name,
    `session-${call % 2000}`,
    'bench',
    isAnswer ? 'from-server' : 'to-server',
    isError ? 'error' : isAnswer ? 'response' : 'request',
    method,
    target,
    String(call),
    isError ? 'rpc_error' : isAnswer ? 'ok' : null,
    duration,
    payload.length,
    0,
    payload,
  ];
}

function seeded(seed) {
  let state = seed;
  return () => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
}

/** One line a figure; ends the process with 1 where a limit is exceeded. */
export function report(name, figure, limit = null, isOk = (value) => value <= limit) {
  const ok = limit === null || isOk(figure);
  if (!ok) process.exitCode = 1;
  const limitText = limit === null ? '' : ` (limit ${limit})`;
  console.log(
    `${limit === null ? '        ' : ok ? 'ok      ' : 'EXCEEDED'} ${name}: ${Number(figure).toFixed(2)}${limitText}`,
  );
}
