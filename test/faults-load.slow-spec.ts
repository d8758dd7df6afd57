import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { scratchFolder, stopProgram } from './support/built-program';
import { mostAtOnce } from './support/fault-diary';
import {
  allRunning,
  type FaultProgram,
  type Insight,
  insightInto,
  startFaultProgram,
  statesOf,
} from './support/fault-program';
import { expectNoOrphan, expectSound, footprint, SPARE_MEMORY_BYTES, zombiesOf } from './support/invariants';
import { waitUntil } from './support/process-tree';
import { ToolUnderTest } from './support/tool-under-test';

const MIB = 1024 * 1024;
const MINUTE_MS = 60_000;

/** User and system time of a process so far, in milliseconds. */
function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** How much of a core a process uses while nothing is asked of it, in percent. */
async function cpuPercentOf(pid: number, forMs: number): Promise<number> {
  const [before, began] = [cpuMs(pid), performance.now()];
  await new Promise((resolve) => setTimeout(resolve, forMs)); // the time that is measured
  return ((cpuMs(pid) - before) / (performance.now() - began)) * 100;
}

/** The limits are for a machine that has nothing else to do; how many times as slow this one is now for what else it does. */
function busyFactor(): number {
  return Math.max(1, (loadavg()[0] ?? 0) / cpus().length);
}

function percentile(values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return Math.round((sorted[Math.ceil(sorted.length * share) - 1] ?? NaN) * 10) / 10;
}

/** How long each of many requests took, one after the other, in milliseconds. */
async function timed(count: number, work: () => Promise<unknown>): Promise<number[]> {
  const took: number[] = [];
  for (let n = 0; n < count; n++) {
    const began = performance.now();
    await work();
    took.push(performance.now() - began);
  }
  return took;
}

/** Figures for who reads the run. */
const tell = (text: string) => process.stdout.write(`${text}\n`);

interface Life extends FaultProgram {
  path: string;
  look: () => Promise<Insight>;
}

describe('MCPS.ONE under what its tools do', () => {
  const folders: { path: string; remove: () => void }[] = [];
  afterAll(() => {
    for (const folder of folders) folder.remove();
  });

  /** A program of its own for one test, which ends with the invariants. */
  const within = async (work: (life: Life) => Promise<void>): Promise<void> => {
    const folder = scratchFolder();
    folders.push(folder);
    const { path } = folder;
    const insight = insightInto(path);
    const life = await startFaultProgram(path, insight.env);
    const first = await ToolUnderTest.create(life.send, { name: 'first-of-all' });
    await first.start();
    // Warm: what the program loads at the first calls is no cost of a fault.
    for (let n = 0; n < 200; n++) await first.call('add', { a: 1, b: 1 });
    await first.remove();
    const look = () => insight.look(life.program.pid);
    const before = { files: footprint(life.program.pid).files, memoryBytes: (await look()).memoryBytes };
    await work({ ...life, path, look });
    // What was recorded is still being written, and garbage is no leak.
    await waitUntil(
      async () => {
        const { memoryBytes } = await look();
        if (memoryBytes > before.memoryBytes * 1.1 + SPARE_MEMORY_BYTES) throw new Error(`${memoryBytes} bytes`);
        return true;
      },
      { timeoutMs: MINUTE_MS, what: 'the memory is back' },
    );
    await expectSound(life.program, { origin: life.origin, dataDir: life.dataDir, before });
    expect(await stopProgram(life.program)).toBe(0);
    await expectNoOrphan(life.dataDir);
  };

  it.each([
    // Read at 1 MiB a quarter of a second at most, and kept to 64 KiB of that.
    ['F12', 'stderr', 'stderr-flood', { cpuPercent: 10, memoryMib: 20, p99Ms: 50 }],
    // Each message is parsed and counted here, masked and written by the thread of the logs: two cores at most.
    ['F13', 'notifications', 'notify-flood', { cpuPercent: 190, memoryMib: 192, p99Ms: 250 }],
  ])(
    '%s: a flood of %s has its bounds, and is not felt by the calls of another tool',
    (number, _, fault, most) =>
      within(async ({ program, send, look }) => {
        const factor = busyFactor();
        const other = await ToolUnderTest.create(send, { name: `other-${fault}` });
        await other.start();
        const call = () => other.textOf('add', { a: 1, b: 2 });
        const quiet = await timed(300, call);
        const idlePercent = await cpuPercentOf(program.pid, 5_000);
        const before = await look();
        const flooding = await ToolUnderTest.create(send, {
          name: `floods-${fault}`,
          recordPayloads: false,
          flags: ['--after-init', fault],
        });
        expect((await flooding.start()).status).toBe(200);
        // The start itself is no cost of the flood.
        await cpuPercentOf(program.pid, 2_000);
        const cpuPercent = (await cpuPercentOf(program.pid, 10_000)) - idlePercent;
        const after = await look();
        const memoryMib = Math.round((after.memoryBytes - before.memoryBytes) / MIB);
        const [quietMs, p99Ms] = [percentile(quiet, 0.99), percentile(await timed(300, call), 0.99)];
        const [idleMs, delayMs] = [before, after].map(({ loopDelayMs }) => Math.round(loopDelayMs)) as [number, number];
        tell(
          `${number}: CPU +${Math.round(cpuPercent)} % (idle ${Math.round(idlePercent)} %), memory +${memoryMib} MiB, ` +
            `event loop p99 ${delayMs} ms (before ${idleMs} ms), another tool p99 ${p99Ms} ms (quiet ${quietMs} ms); limits x ${factor.toFixed(1)}`,
        );
        expect(await flooding.status()).toMatchObject({ state: 'running', restarts: 0 });
        expect(cpuPercent).toBeLessThan(most.cpuPercent * factor);
        expect(memoryMib).toBeLessThan(most.memoryMib);
        expect(delayMs).toBeLessThan(50 * factor);
        expect(p99Ms).toBeLessThan(most.p99Ms * factor);
        await flooding.remove();
        await other.remove();
      }),
    3 * MINUTE_MS,
  );

  it(
    'F29: 100 tools that crash at once rise again, four starts at once at most, and the API answers meanwhile',
    () =>
      within(async (life) => {
        const factor = busyFactor();
        const diary = join(life.path, 'diary');
        writeFileSync(diary, '');
        const flags = ['--diary', diary];
        const tools = await Promise.all(
          Array.from({ length: 100 }, (_, n) =>
            ToolUnderTest.create(life.send, { name: `falls-${n}`, flags, maxRetries: 5 }),
          ),
        );
        await Promise.all(tools.map((tool) => tool.start()));
        const pids = await allRunning(life.send, 100, 3 * MINUTE_MS);
        const ask = async () => [
          ...(await timed(1, () => life.send('GET', '/tools?limit=20'))),
          ...(await timed(1, () => fetch(`${life.origin}/health/ready`))),
        ];
        const quiet: number[] = [];
        for (let n = 0; n < 100; n++) quiet.push(...(await ask()));
        const began = performance.now();
        for (const pid of pids) process.kill(pid, 'SIGKILL');
        const took: number[] = [];
        await waitUntil(
          async () => {
            took.push(...(await ask()));
            const lines = readFileSync(diary, 'utf8');
            return (lines.match(/^ready /gm)?.length ?? 0) >= 200;
          },
          { timeoutMs: 3 * MINUTE_MS, what: 'all of them to have risen again' },
        );
        const seconds = Math.round((performance.now() - began) / 100) / 10;
        await allRunning(life.send, 100, MINUTE_MS);
        const most = mostAtOnce(readFileSync(diary, 'utf8'));
        const [quietMs, p99] = [percentile(quiet, 0.99), percentile(took, 0.99)];
        tell(
          `F29: up again after ${seconds} s, ${most} starts at once, API p50/p99 ${percentile(took, 0.5)}/${p99} ms ` +
            `(quiet ${percentile(quiet, 0.5)}/${quietMs} ms); limits x ${factor.toFixed(1)}`,
        );
        expect(most).toBeLessThanOrEqual(4);
        expect(p99).toBeLessThan(200 * factor);
        expect(Object.values(await statesOf(life.send)).every((state) => state === 'running')).toBe(true);
        await Promise.all(tools.map((tool) => tool.remove()));
      }),
    8 * MINUTE_MS,
  );

  it(
    'F35: after 1,000 restarts of a tool that crashes there is no zombie, and files and memory are as before',
    () =>
      within(async (life) => {
        const script = join(life.path, 'crash.sh');
        writeFileSync(script, 'echo "cannot work" >&2\nexit 1\n');
        // Eight at a time: a thousand starts one after the other would only take longer.
        const tools = await Promise.all(
          Array.from({ length: 8 }, (_, n) =>
            ToolUnderTest.create(life.send, {
              name: `crashes-${n}`,
              command: 'sh',
              args: [script],
              restartPolicy: 'never',
            }),
          ),
        );
        const crash = async (times: number) => {
          for (let n = 0; n < times; n += tools.length) {
            const answers = await Promise.all(tools.map((tool) => tool.start()));
            for (const { body } of answers) expect(body.state).toBe('failed');
          }
        };
        // What a first crash of each loads and keeps is no leak.
        await crash(200);
        const [files, memory] = [footprint(life.program.pid).files, (await life.look()).memoryBytes];
        await crash(1_000);
        expect(zombiesOf(life.program.pid)).toEqual([]);
        const filesAfter = footprint(life.program.pid).files;
        const memoryAfter = await waitUntil(
          async () => {
            const now = (await life.look()).memoryBytes;
            if (now > memory * 1.1) throw new Error(`${memory} bytes before, ${now} after`);
            return now;
          },
          { timeoutMs: MINUTE_MS, what: 'the memory is back within 10 %' },
        );
        const [mib, mibAfter] = [memory, memoryAfter].map((bytes) => Math.round(bytes / MIB));
        tell(`F35: files ${files} -> ${filesAfter}, memory ${mib} -> ${mibAfter} MiB`);
        expect(filesAfter).toBeLessThanOrEqual(files + 2);
        await Promise.all(tools.map((tool) => tool.remove()));
      }),
    20 * MINUTE_MS,
  );
});
