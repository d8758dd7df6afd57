import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitUntil } from '../../test/support/process-tree';
import { removeTemporaryFolders, temporaryFolder } from '../../test/support/temporary-folder';
import { machineLife, ticksSinceBoot } from './machine-life';
import { RunRecords } from './run-records';

const aRun = (id: string) => ({ id, toolId: 'tool-1', pid: process.pid, marker: 'here:tool-1', container: null });

describe('the journal of runs', () => {
  let folder: string;
  let records: RunRecords;
  beforeEach(async () => {
    folder = join(temporaryFolder(), 'runs');
    records = new RunRecords(folder);
    await records.prepare();
  });
  afterEach(() => {
    records.end();
    removeTemporaryFolders();
  });

  it('has a run on the disk when `keep` resolves, with what names the process for good, for us alone', async () => {
    const id = records.newId();
    await records.keep(aRun(id), () => true);
    const stat = readFileSync('/proc/self/stat', 'latin1');
    expect(JSON.parse(readFileSync(join(folder, `${id}.json`), 'utf8'))).toEqual({
      ...aRun(id),
      startTicks: Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]),
      life: machineLife(),
    });
    expect(statSync(join(folder, `${id}.json`)).mode & 0o777).toBe(0o600);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(readdirSync(folder)).toEqual([`${id}.json`]);
  });

  it('names a process by boot, namespace and its first process', () => {
    const [boot, , , first] = /^(\S{36}) pid:\[(\d+)\] (\d+)$/.exec(machineLife() ?? '') ?? [];
    expect(boot).toBeDefined();
    expect(Number(first)).toBeLessThan(ticksSinceBoot() ?? 0);
  });

  it('forgets a run that is gone, with the id of its container', async () => {
    await records.keep(aRun('a'), () => true);
    await records.keep(aRun('b'), () => true);
    writeFileSync(records.cidFileOf('a'), 'deadbeef');
    await records.drop('a');
    expect(readdirSync(folder).filter((name) => name !== 'alive')).toEqual(['b.json']);
  });

  it('tells a later life what ran, and when each leader was last seen alive', async () => {
    const child = spawn('sleep', ['30'], { stdio: 'ignore' });
    await once(child, 'spawn');
    await records.keep({ ...aRun('led'), pid: child.pid ?? -1 }, () => child.exitCode === null);
    await records.keep(aRun('orphaned'), () => false);
    const born = ticksSinceBoot() ?? 0;
    try {
      await waitUntil(() => readdirSync(folder).includes('alive'), { what: 'the first beat' });
    } finally {
      child.kill('SIGKILL');
    }
    const { runs, unreadable } = await new RunRecords(folder).load();
    const seen = Object.fromEntries(runs.map(({ record, lastLedAt }) => [record.id, lastLedAt]));
    expect(seen.led).toBeGreaterThanOrEqual(born);
    expect(seen.led).toBeLessThanOrEqual(ticksSinceBoot() ?? 0);
    expect(seen.orphaned).toBe(0);
    expect(unreadable).toEqual([]);
  });

  it.each(['', '{', '[]', '{"life": 1}', '{"life": "x", "at": 1, "ids": [5]}'])(
    'does without a damaged beat: %j',
    async (text) => {
      await records.keep(aRun('a'), () => true);
      writeFileSync(join(folder, 'alive'), text);
      expect((await records.load()).runs).toMatchObject([{ record: { id: 'a' }, lastLedAt: 0 }]);
    },
  );

  it('names damaged records, and clears all away but what is not done with', async () => {
    for (const id of ['done', 'open']) await records.keep(aRun(id), () => true);
    writeFileSync(join(folder, 'torn.json'), '{"id": "torn", "pid": 4');
    writeFileSync(join(folder, 'renamed.json'), readFileSync(join(folder, 'done.json')));
    writeFileSync(join(folder, 'half.json.tmp'), '');
    for (const name of ['done.cid', 'open.cid']) writeFileSync(join(folder, name), 'deadbeef');
    mkdirSync(join(folder, 'a-folder.json'));
    const { runs, unreadable } = await records.load();
    expect(runs.map(({ record }) => record.id).sort()).toEqual(['done', 'open']);
    expect(unreadable.sort()).toEqual(['a-folder.json', 'renamed.json', 'torn.json']);
    await records.clear(new Set(['open']));
    expect(readdirSync(folder).filter((name) => name !== 'alive')).toEqual(['a-folder.json', 'open.cid', 'open.json']);
  });

  it('F48: stops nothing when it can not be written, says why, and goes on when it can again', async () => {
    const blocked = new RunRecords(join(folder, 'a-file', 'runs'));
    writeFileSync(join(folder, 'a-file'), '');
    await blocked.prepare();
    await blocked.keep(aRun('a'), () => true);
    expect(blocked.trouble).toMatch(/ENOTDIR/);
    expect(await blocked.load()).toEqual({ runs: [], unreadable: [] });
    await blocked.drop('a');
    await blocked.clear(new Set());
    blocked.end();
    await records.keep(aRun('a'), () => true);
    expect(records.trouble).toBeNull();
  });
});
