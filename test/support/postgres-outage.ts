/**
 * PostgreSQL is stopped hard under load for a while and started again (F55): what holds then, for a run of any length.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';
import type { BuiltProgram } from './built-program';
import { FakeKubelet } from './fake-kubelet';
import { waitUntil } from './process-tree';
import type { StoppablePostgres } from './stoppable-postgres';
import { type Send, ToolUnderTest } from './tool-under-test';

export interface Outage {
  server: StoppablePostgres;
  program: BuiltProgram;
  origin: string;
  send: Send;
  /** How long it is away. */
  awayMs: number;
}

/** One kind of work after another, without a pause, until it is told to end. Remembers what was answered with success. */
class Load {
  readonly created: string[] = [];
  readonly called: number[] = [];
  readonly refused = new Set<string>();
  private isOver = false;
  private work: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly send: Send,
    private readonly tool: ToolUnderTest,
  ) {}

  start(): void {
    this.work = Promise.all([this.repeat((n) => this.create(n)), this.repeat((n) => this.call(n))]);
  }

  async stop(): Promise<void> {
    this.isOver = true;
    await this.work;
  }

  private async repeat(step: (n: number) => Promise<void>): Promise<void> {
    for (let n = 0; !this.isOver; n++) {
      await step(n);
      await pause(5);
    }
  }

  private async create(n: number): Promise<void> {
    const { status, body } = await this.send('POST', '/tools', { name: `made-${n}`, command: process.execPath });
    if (status === 201) this.created.push(body.id);
    else this.refused.add(`${status} ${body.code}`);
  }

  private async call(n: number): Promise<void> {
    const { status, body } = await this.tool.call('echo', { text: `call ${n}` });
    if (status === 200) this.called.push(n);
    else this.refused.add(`${status} ${body.code}`);
  }
}

export async function expectToSurvive({ server, program, origin, send, awayMs }: Outage): Promise<void> {
  const kubelet = new FakeKubelet(origin).start();
  const tool = await ToolUnderTest.create(send, { name: 'worker' });
  await tool.start();
  const { pid } = await tool.status();
  await waitUntil(() => kubelet.isReady, { what: 'it to be ready' });
  const load = new Load(send, tool);
  load.start();
  await waitUntil(() => load.created.length > 20 && load.called.length > 20, { what: 'some load' });
  await server.stopHard();
  const before = { created: load.created.length, called: load.called.length };
  await waitUntil(() => !kubelet.isReady, { what: 'readiness to go down' });
  await pause(Math.max(0, awayMs)); // the fault itself
  await server.start();
  await waitUntil(() => kubelet.isReady, { what: 'readiness to come back' });
  await waitUntil(() => load.created.length > before.created + 10 && load.called.length > before.called + 10, {
    what: 'the load to get through again',
  });
  await load.stop();

  // No crash, no restart, of us or of the tool; probes were never slow.
  expect(program.child.exitCode).toBeNull();
  expect(await tool.status()).toMatchObject({ state: 'running', restarts: 0, pid });
  expect(kubelet.readiness).toEqual([true, false, true]);
  expect(new Set(kubelet.liveAnswers)).toEqual(new Set([200]));
  expect(kubelet.wouldRestart).toBe(0);
  for (const refusal of load.refused) expect(refusal).toBe('503 database_unavailable');
  await waitUntil(async () => (await send('GET', '/system/status')).body.recorder.queued === 0, {
    what: 'the spool to be drained',
  });
  expect((await send('GET', '/system/status')).body.recorder).toMatchObject({ dropped: 0, spoolBytes: 0 });
  await kubelet.stop();

  const client = new Client({ connectionString: server.url });
  await client.connect();
  try {
    // Whatever was answered with success is there, with its row in the operation log.
    const tools = await idsOf(client, 'SELECT id FROM tools');
    expect(load.created.filter((id) => !tools.has(id))).toEqual([]);
    const operations = await idsOf(client, "SELECT target_id AS id FROM operation_log WHERE action = 'tool.create'");
    expect(load.created.filter((id) => !operations.has(id))).toEqual([]);
    const calls = await client.query<{ n: string }>(
      "SELECT count(*) AS n FROM operation_log WHERE action = 'tool.call' AND outcome = 'success'",
    );
    expect(Number(calls.rows[0]?.n)).toBeGreaterThanOrEqual(load.called.length);
    // Every call was recorded once, and in the order in which they were made.
    const { rows } = await client.query<{ payload: string }>(
      "SELECT payload FROM mcp_log WHERE method = 'tools/call' AND kind = 'request' ORDER BY seq",
    );
    const recorded = rows.map(({ payload }) => Number(/"call (\d+)"/.exec(payload)?.[1]));
    expect(recorded).toEqual([...recorded].sort((a, b) => a - b));
    expect(new Set(recorded).size).toBe(recorded.length);
    const known = new Set(recorded);
    expect(load.called.filter((n) => !known.has(n))).toEqual([]);
  } finally {
    await client.end();
  }
  expect((await send('GET', '/logs/operations/verify')).body).toMatchObject({ valid: true });
}

async function idsOf(client: Client, sql: string): Promise<Set<string>> {
  const { rows } = await client.query<{ id: string }>(sql);
  return new Set(rows.map(({ id }) => id));
}
