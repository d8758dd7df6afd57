/** A large export of the built program whose reader does not read for a while, and what that costs the program. */
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { newId } from '../../src/common/ids';
import type { LogStore } from '../../src/logs/log-store';
import { stopProgram } from './built-program';
import { startFaultProgram } from './fault-program';
import { residentBytes } from './invariants';
import { toEntry } from './log-stores';
import { waitUntil } from './process-tree';

const BATCH = 2_000;
/** Nothing has come for so long: both sides' buffers are full. */
const STILL_MS = 1_000;

export interface StalledExport {
  /** Messages that came, by their numbers in order. */
  lines: number;
  disordered: number;
  bytes: number;
  /** What came before the reader began to read. */
  bytesWhileStalled: number;
  /** What the program took more than before, in bytes: while nobody read, and at most. */
  grownWhileStalled: number;
  grownMost: number;
}

export async function exportWhileStalled(
  folder: string,
  env: Record<string, string>,
  { openStore, rows }: { openStore: () => LogStore; rows: number },
): Promise<StalledExport> {
  const first = await startFaultProgram(folder, env);
  await stopProgram(first.program);
  await fill(openStore(), rows);
  const { program, send, origin } = await startFaultProgram(folder, env);
  const { body } = await send('POST', '/api-keys', { name: 'exporter', role: 'viewer' });
  // What the first pages need stays: an export of nothing much before.
  for (let n = 0; n < 5; n++) await send('GET', '/logs/mcp?limit=500');
  const before = residentBytes(program.pid);
  const answer = await open(`${origin}/api/v1/logs/mcp/export?order=asc&target=exported`, String(body.key));
  answer.pause();
  const bytesWhileStalled = await standsStill(answer);
  const grownWhileStalled = residentBytes(program.pid) - before;
  let grownMost = grownWhileStalled;
  const look = setInterval(() => (grownMost = Math.max(grownMost, residentBytes(program.pid) - before)), 100);
  const read = await readAll(answer).finally(() => clearInterval(look));
  await stopProgram(program);
  return { ...read, bytesWhileStalled, grownWhileStalled, grownMost };
}

async function fill(store: LogStore, rows: number): Promise<void> {
  const at = Date.now() - 3_600_000;
  const text = 'x'.repeat(400);
  for (let first = 0; first < rows; first += BATCH) {
    const entries = Array.from({ length: Math.min(BATCH, rows - first) }, (_, place) =>
      toEntry('mcp', {
        ...{
          id: newId(),
          at: at + Math.floor((first + place) / 1_000),
          toolId: 't',
          toolName: 't',
          direction: 'to-server',
        },
        ...{ kind: 'request', method: 'tools/call', target: 'exported', rpcId: String(first + place), sizeBytes: 400 },
        ...{ truncated: false, payload: `{"text":"${text}"}` },
      }),
    );
    await store.write(entries);
    if (store.notRolledUp > 5_000) await store.rollUp();
  }
  while (await store.rollUp());
  await store.close();
}

async function open(url: string, key: string): Promise<IncomingMessage> {
  const request = get(url, { headers: { authorization: `Bearer ${key}` } });
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  if (answer.statusCode !== 200) throw new Error(`No export: ${answer.statusCode}`);
  return answer;
}

/** Bytes that came until none did any more. */
async function standsStill(answer: IncomingMessage): Promise<number> {
  let last = -1;
  let since = performance.now();
  await waitUntil(
    () => {
      const { bytesRead } = answer.socket;
      if (bytesRead !== last) since = performance.now();
      last = bytesRead;
      return performance.now() - since > STILL_MS;
    },
    { what: 'the export waits for its reader' },
  );
  return last;
}

async function readAll(answer: IncomingMessage): Promise<{ lines: number; disordered: number; bytes: number }> {
  const read = { lines: 0, disordered: 0, bytes: 0 };
  let rest = '';
  for await (const data of answer as AsyncIterable<Buffer>) {
    read.bytes += data.length;
    const lines = (rest + data.toString('latin1')).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const { rpcId } = JSON.parse(line) as { rpcId: number | string };
      if (Number(rpcId) !== read.lines) read.disordered++;
      read.lines++;
    }
  }
  if (rest !== '') throw new Error(`The export was cut off: ${rest}`);
  return read;
}
