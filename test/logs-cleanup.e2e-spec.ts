import { OperationAnchor } from '../src/audit/operation-anchor.entity';
import { LogPruner } from '../src/logs/log-pruner';
import { LogWriter } from '../src/logs/log-writer';
import { Retention } from '../src/logs/retention.service';
import { Scheduler } from '../src/scheduler/scheduler';
import { DataSource } from 'typeorm';
import { aTool } from './support/a-tool';
import { waitUntil } from './support/process-tree';
import { type Answer, startTestApp, type TestApp } from './support/test-app';

let app: TestApp;

beforeAll(async () => {
  app = await startTestApp();
  await app.post('/tools', aTool({ name: 'echo' }));
  await app.post('/tools/echo/start');
  await app.post('/tools/echo/call', { name: 'echo', arguments: { text: 'hello' } });
  // It is asked for its prompts last, beside the calls: nothing more is said from then on.
  const isListed = async () => (await items('mcp', '&method=prompts/list&kind=response')).length > 0;
  await waitUntil(isListed, { what: 'the tool is asked for its prompts' });
});

afterAll(() => app.stop());

const cleanUp = (query: string) => app.delete(`/logs/cleanup?${query}`);
const items = async (log: string, more = '') => (await app.get(`/logs/${log}?limit=500${more}`)).body.items;
const sound = async () => (await app.get('/logs/operations/verify')).body.valid;

describe('a cleanup of the logs', () => {
  it.each([
    ['no log', 'olderThanDays=1', 'type'],
    ['a log that does not exist', 'type=audit&olderThanDays=1', 'type'],
    ['neither a time nor an age', 'type=all', 'before'],
    ['both', 'type=all&olderThanDays=1&before=2026-11-23', 'before'],
    ['a negative age', 'type=all&olderThanDays=-1', 'olderThanDays'],
    ['half a day', 'type=all&olderThanDays=0.5', 'olderThanDays'],
    ['no time', 'type=all&before=yesterday', 'before'],
    ['an unclear wish to count', 'type=all&olderThanDays=0&dryRun=perhaps', 'dryRun'],
    ['something unknown', 'type=all&olderThanDays=0&force=true', 'force'],
  ])('is refused with %s, and nothing is deleted', async (_, query, path) => {
    const before = (await items('mcp')).length;
    const { status, body } = await cleanUp(query);
    expect([status, body.code, body.errors[0].path]).toEqual([400, 'validation_failed', path]);
    expect(await items('mcp')).toHaveLength(before);
  });

  it('counts only where it is asked to', async () => {
    const mcp = (await items('mcp')).length;
    expect(mcp).toBeGreaterThan(3);
    const { status, body } = await cleanUp('type=mcp&olderThanDays=0&dryRun=true');
    expect([status, body]).toEqual([200, { deleted: { system: 0, operations: 0, mcp }, complete: true }]);
    expect((await cleanUp('type=all&olderThanDays=1&dryRun=true')).body.deleted).toEqual({
      ...{ system: 0, operations: 0, mcp: 0 },
    });
    expect(await items('mcp')).toHaveLength(mcp);
  });

  it('deletes what is older, of one log alone, and stands in the operation log with who asked', async () => {
    const mcp = (await items('mcp')).length;
    const system = (await items('system')).length;
    expect((await cleanUp('type=mcp&before=2020-01-01')).body.deleted.mcp).toBe(0);
    expect((await cleanUp('type=mcp&olderThanDays=0')).body).toEqual({
      ...{ deleted: { system: 0, operations: 0, mcp }, complete: true },
    });
    expect(await items('mcp')).toEqual([]);
    expect((await items('system')).length).toBeGreaterThanOrEqual(system);
    const [row] = await items('operations');
    expect(row).toMatchObject({
      ...{ action: 'logs.cleanup', outcome: 'success', actor: { type: 'user', name: 'admin' } },
      changes: { type: 'mcp', dryRun: false, complete: true, deleted: { mcp } },
    });
    await app.post('/tools/echo/call', { name: 'echo', arguments: { text: 'again' } });
    expect((await items('mcp')).length).toBeGreaterThan(0);
  });

  it('of everything up to now leaves the row that says so, and a chain that verifies', async () => {
    const operations = (await items('operations')).length;
    expect(operations).toBeGreaterThan(5);
    const { body } = await cleanUp('type=all&olderThanDays=0');
    expect(body.deleted.operations).toBe(operations);
    const left = await items('operations');
    expect(left).toMatchObject([{ action: 'logs.cleanup', changes: { type: 'all', deleted: { operations } } }]);
    expect(await items('mcp')).toEqual([]);
    expect(await sound()).toBe(true);
    await cleanUp('type=operations&before=2999-01-01');
    expect(await items('operations')).toHaveLength(1);
    expect(await sound()).toBe(true);
  });

  /** Keeps cleanups from their work until the result is called. */
  const hold = (): (() => void) => {
    const pruner = app.nest.get(LogPruner);
    const deleteBefore = pruner.deleteBefore.bind(pruner);
    let goOn: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (goOn = resolve));
    jest.spyOn(pruner, 'deleteBefore').mockImplementation(async (...given) => {
      await held;
      return deleteBefore(...given);
    });
    return goOn;
  };

  it('is one at a time', async () => {
    const goOn = hold();
    const answers: Answer[] = [];
    const all = Array.from({ length: 5 }, async () => answers.push(await cleanUp('type=all&olderThanDays=0')));
    await waitUntil(() => answers.length === 4, { what: 'all but one are refused' });
    for (const { status, body } of answers) expect([status, body.code]).toEqual([409, 'cleanup_running']);
    goOn();
    await Promise.all(all);
    expect(answers.at(-1)?.status).toBe(200);
    jest.restoreAllMocks();
    expect((await cleanUp('type=all&olderThanDays=0')).status).toBe(200);
  });

  describe('that takes longer than its request may', () => {
    let inTime: number;
    let goOn: () => void;
    beforeEach(() => {
      goOn = hold();
      inTime = app.nest.get(Retention).answerMs;
      app.nest.get(Retention).answerMs = 1;
    });
    afterEach(() => {
      jest.restoreAllMocks();
      app.nest.get(Retention).answerMs = inTime;
    });
    const cleanups = async () => (await items('operations')).filter(({ action }: any) => action === 'logs.cleanup');
    const ended = async (count: number) =>
      waitUntil(async () => (await cleanups()).length >= count, { what: 'the cleanup ends' });

    it('is answered before its end, goes on alone, and its end stands in the operation log with who asked', async () => {
      await app.post('/tools/echo/call', { name: 'echo', arguments: { text: 'to be deleted' } });
      const mcp = (await items('mcp')).length;
      expect(mcp).toBeGreaterThan(0);
      const before: number = (await cleanups()).length;
      const { status, body } = await cleanUp('type=mcp&olderThanDays=0');
      expect([status, body]).toEqual([200, { deleted: { system: 0, operations: 0, mcp: 0 }, complete: false }]);
      expect(await items('mcp')).toHaveLength(mcp);
      expect((await cleanUp('type=mcp&olderThanDays=0')).body.code).toBe('cleanup_running');
      goOn();
      await ended(before + 3);
      expect(await items('mcp')).toEqual([]);
      const [end, refused, begin] = await cleanups();
      const actor = { type: 'user', name: 'admin' };
      expect(begin).toMatchObject({ outcome: 'success', actor, changes: { complete: false, deleted: { mcp: 0 } } });
      expect(refused).toMatchObject({ outcome: 'failure' });
      expect(end).toMatchObject({ outcome: 'success', actor, changes: { complete: true, deleted: { mcp } } });
      expect(await sound()).toBe(true);
      await app.post('/tools/echo/call', { name: 'echo', arguments: { text: 'again' } });
    });

    it('and fails then is a failure in the operation log, with what was deleted and why it is not all', async () => {
      const before: number = (await cleanups()).length;
      expect((await cleanUp('type=mcp&olderThanDays=0')).body.complete).toBe(false);
      jest.spyOn(app.nest.get(LogWriter), 'upkeep').mockRejectedValue(new Error('the disk is gone'));
      goOn();
      await ended(before + 2);
      expect((await cleanups())[0]).toMatchObject({
        ...{ outcome: 'failure', changes: { complete: false, reason: 'the disk is gone', deleted: { mcp: 0 } } },
      });
      jest.restoreAllMocks();
      app.nest.get(Retention).answerMs = inTime;
      expect((await cleanUp('type=mcp&olderThanDays=0')).body.complete).toBe(true);
      await app.post('/tools/echo/call', { name: 'echo', arguments: { text: 'again' } });
    });
  });

  it('is a job of each night, and of every ten minutes by size', async () => {
    const scheduler = app.nest.get(Scheduler);
    expect(scheduler.list()).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ name: 'cleanup', nextAt: expect.any(Number) }),
        expect.objectContaining({ name: 'log-size', nextAt: expect.any(Number) }),
      ]),
    );
    expect(await scheduler.runNow('cleanup')).toMatchObject({ outcome: 'success' });
    expect(await scheduler.runNow('log-size')).toMatchObject({ outcome: 'success' });
    await app.put('/system/config', { 'logs.maxSizeBytes': 1 });
    await app.post('/tools/echo/call', { name: 'echo', arguments: { text: 'a row to be deleted' } });
    expect(await items('mcp')).not.toEqual([]);
    expect(await scheduler.runNow('log-size')).toMatchObject({ outcome: 'success' });
    await app.put('/system/config', { 'logs.maxSizeBytes': null });
    expect(await items('operations')).toContainEqual(
      expect.objectContaining({
        ...{ action: 'logs.cleanup', actor: { type: 'system', id: null, name: 'mcps' } },
        changes: expect.objectContaining({ by: 'size', limitBytes: 1 }),
      }),
    );
  });

  it('A24: rows that somebody else has cut off the end are found', async () => {
    const database = app.nest.get(DataSource);
    await app.post('/tools/echo/stop');
    const end = await database.manager.findOneByOrFail(OperationAnchor, { place: 'end' });
    await database.query(`DELETE FROM operation_log WHERE seq = ${end.seq}`);
    expect((await app.get('/logs/operations/verify')).body).toMatchObject({ valid: false, missingAtEnd: 1 });
  });
});

describe('the level of the system log', () => {
  it('changes at once, for everything that is said, and holds after the next start', async () => {
    const said = async (message: string) =>
      (await items('system')).filter((line: any) => line.message.includes(message));
    await app.put('/system/config', { logLevel: 'error' });
    const before = app.log.length;
    await app.post('/tools/echo/start');
    expect(app.log).toHaveLength(before);
    await app.close();
    app = await startTestApp({ reuse: app });
    // Before the settings were read the environment has decided.
    expect(app.log.at(-1)?.message).not.toMatch(/listening|started/i);
    const quiet = app.log.length;
    await app.post('/tools/echo/stop');
    expect(app.log).toHaveLength(quiet);
    await app.put('/system/config', { logLevel: 'debug' });
    await app.post('/tools/echo/start');
    expect(app.log.slice(quiet).some(({ level }) => level === 'debug')).toBe(true);
    expect((await said('')).some((line: any) => line.level === 'debug')).toBe(true);
    await app.put('/system/config', { logLevel: null });
    expect((await app.get('/system/config')).body.logLevel.source).not.toBe('database');
  });
});
