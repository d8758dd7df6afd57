/**
 * What a backup costs those who work: `npm run bench:backup` (after `npm run build`), the whole application in this process
 * on a SQLite database of 1 GB, while 500 calls a second are relayed to a tool and recorded.
 *
 * It is backed up under that load: how long the event loop and a write (B3) are kept, whether a call fails, whether the
 * proven copy has what its snapshot had. Then the backup is restored in one piece.
 *
 * `--megabytes=N --calls=N` make it smaller. Ends with 1 if a limit is exceeded; figures of a busy machine say little.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { load, option, report } from './log-bench.mjs';

const require = createRequire(import.meta.url);
require('reflect-metadata');
const BetterSqlite3 = require('better-sqlite3');
const { createApp } = load('dist/src/app.setup.js');
const { AppLogger } = load('dist/src/common/app-logger.js');
const { loadConfig } = load('dist/src/config/load-config.js');
const { BackupService } = load('dist/src/backup/backup.service.js');
const { RestoreService } = load('dist/src/backup/restore.service.js');
const { Settings } = load('dist/src/settings/settings.js');
const { SupervisorService } = load('dist/src/supervisor/supervisor.service.js');
const { ToolsService } = load('dist/src/tools/tools.service.js');
const { ChunkInsert } = load('dist/src/database/chunk-insert.js');
const { packChunks } = load('dist/src/database/message-chunk.js');
const { ToolRuntimeService } = load('dist/src/tools/tool-runtime.service.js');

const MEGABYTES = option('megabytes', 1_024);
const PER_SECOND = option('calls', 500);
const FIXTURE = fileURLToPath(new URL('../support/fixture-mcp-server.mjs', import.meta.url));

const folder = mkdtempSync(join(tmpdir(), 'mcps-bench-backup-'));
const config = loadConfig({
  ...{ PATH: process.env.PATH, DATA_DIR: folder, LOG_DIR: join(folder, 'logs'), ENVIRONMENT: 'test' },
  ...{ SECRET_KEY: 'the key of a bench, which is long enough', ADMIN_PASSWORD: 'the password of a bench' },
});
const logs = join(folder, 'mcps-logs.db');

/** Rows of messages until the file has its size: texts that pack as well as real ones. */
function fill() {
  const database = new BetterSqlite3(logs);
  database.pragma('synchronous = OFF');
  const insert = new ChunkInsert(database);
  let seq = Number(database.prepare('SELECT coalesce(max(last), 0) FROM mcp_chunk').pluck().get());
  const words = Array.from({ length: 4_000 }, (_, n) => Math.sin(n).toString(36).slice(2, 9));
  while (statSync(logs).size < MEGABYTES * 1024 * 1024) {
    database.exec('BEGIN');
    const messages = [];
    for (let n = 0; n < 5_000; n++) {
      seq++;
      const text = Array.from(
        { length: 120 },
        (_, k) => words[(seq * 31 + k * 17 + ((k * k) % 97)) % words.length],
      ).join(' ');
      const payload = JSON.stringify({ text });
      const values = [
        ...[`bench-${seq}`, Date.now(), 'bench', 'bench', null, null, 'to-server', 'request', 'tools/call', 'echo'],
        ...[String(seq), null, null, payload.length, 0, payload],
      ];
      messages.push({ seq, values });
    }
    insert.run(packChunks(messages));
    database.exec('COMMIT');
    database.pragma('wal_checkpoint(TRUNCATE)');
  }
  database.close();
}

/** So many calls a second, each of which must be answered. */
function startLoad(app, toolId) {
  const state = { isOver: false, sent: 0, answered: 0, failed: 0 };
  const session = () => app.get(SupervisorService).session(toolId);
  const one = async () => {
    state.sent++;
    try {
      const params = { name: 'echo', arguments: { text: 'm'.repeat(60) } };
      await session().peer.request({
        method: 'tools/call',
        params,
        timeoutMs: 10_000,
        client: 'bench',
        sessionId: null,
        expiresAt: null,
      });
      state.answered++;
    } catch (error) {
      state.failed++;
      state.reason ??= error;
    }
  };
  state.done = (async () => {
    const pending = new Set();
    const began = performance.now();
    while (!state.isOver) {
      const due = Math.floor(((performance.now() - began) / 1000) * PER_SECOND);
      for (; state.sent < due;) {
        const call = one().finally(() => pending.delete(call));
        pending.add(call);
      }
      await pause(4);
    }
    await Promise.all(pending);
    state.seconds = (performance.now() - began) / 1000;
  })();
  return state;
}

async function underLoad(app, toolId, work) {
  const load = startLoad(app, toolId);
  await pause(2_000);
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const began = performance.now();
  const result = await work();
  const ms = performance.now() - began;
  delay.disable();
  load.isOver = true;
  await load.done;
  return { result, ms, load, p99Ms: delay.percentile(99) / 1e6 - 5, maxMs: delay.max / 1e6 };
}

/** Changes a setting again and again (a transaction of the main database) until the backup is done. */
async function writeBeside(app, done, writes) {
  let isOver = false;
  void done.then(() => (isOver = true));
  for (let n = 0; !isOver; n++) {
    const began = performance.now();
    await app.get(Settings).update({ 'logs.mcpRetentionDays': 10 + (n % 20) });
    writes.slowestMs = Math.max(writes.slowestMs, performance.now() - began);
    await pause(50);
  }
}

async function main() {
  const app = await createApp(config, new AppLogger('error'));
  const { id: toolId } = await app.get(ToolsService).create({
    ...{ name: 'echo', command: process.execPath, args: [FIXTURE] },
  });
  await app.get(ToolRuntimeService).start('echo');
  fill();
  process.stdout.write(
    `${(statSync(logs).size / 2 ** 20).toFixed(0)} MB, ${cpus().length} cores, load ${loadavg()[0].toFixed(1)}\n`,
  );

  const quiet = await underLoad(app, toolId, () => pause(5_000));
  report('without a backup: event loop p99, ms', quiet.p99Ms);
  const writes = { slowestMs: 0 };
  const busy = await underLoad(app, toolId, () => {
    const { done } = app.get(BackupService).create('manual', null);
    void writeBeside(app, done, writes);
    return done;
  });
  const backup = busy.result;
  if (backup.state !== 'completed') throw new Error(JSON.stringify(backup.error));
  report('backup beside the calls, s', busy.ms / 1000);
  report('its file, part of the data', backup.sizeBytes / backup.header.originalBytes);
  report('calls a second', busy.load.answered / busy.load.seconds);
  report('calls that failed', busy.load.failed, 0);
  report('event loop p99 beside the backup, ms', busy.p99Ms, 50);
  report('event loop at worst, ms', busy.maxMs);
  report('slowest of the writes beside the backup, ms', writes.slowestMs, 250);

  const verified = await app.get(BackupService).verify(backup.id).done;
  if (verified.verification.state !== 'passed') throw new Error(JSON.stringify(verified.verification));
  report('verification, s', verified.verification.durationMs / 1000);
  const principal = {
    type: 'user',
    id: 'bench',
    name: 'bench',
    role: 'admin',
    sessionId: null,
    mustChangePassword: false,
    toolIds: null,
  };
  await app.get(RestoreService).restore(backup.id, principal, {}).done;
  const { restore } = app.get(BackupService).get(backup.id);
  if (restore.state !== 'completed') throw new Error(JSON.stringify(restore.error));
  report('restore, s', restore.durationMs / 1000);
  report('of which the service was closed, s', restore.downtimeMs / 1000);
  const database = new BetterSqlite3(logs, { readonly: true });
  const rows = database.prepare('SELECT count(*) FROM mcp_chunk').pluck().get();
  database.close();
  const counted = backup.header.tables.find(({ name }) => name === 'logs.mcp_chunk').rows;
  // What was recorded since is a handful of messages of the handshake, in a chunk or some.
  report('chunks too few or too many after it', Math.max(0, counted - rows) + Math.max(0, rows - counted - 50), 0);
  await app.close();
}

try {
  await main();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(process.exitCode ?? 0);
