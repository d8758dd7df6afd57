import { mkdirSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { groupMembers, waitUntil } from '../../test/support/process-tree';
import { removeTemporaryFolders, temporaryFolder } from '../../test/support/temporary-folder';
import { Bubblewrap } from './bubblewrap';
import { NodeProcessSpawner } from './node-process-spawner';
import type { Launch, ManagedProcess } from './process-spawner';
import { readProcessTable } from './process-table';
import { RunRecords } from './run-records';

const PATH = process.env.PATH ?? '';

describe('a program inside bubblewrap', () => {
  let [home, data, logs, settings] = ['', '', '', ''];
  let spawner: NodeProcessSpawner;
  const started: ManagedProcess[] = [];

  beforeAll(async () => {
    home = temporaryFolder();
    [data, logs, settings] = [join(home, 'data'), join(home, 'logs'), join(home, '.env')];
    mkdirSync(data);
    writeFileSync(join(data, 'secret-key'), 'our key');
    writeFileSync(settings, 'SECRET_KEY=our key');
    const hidden = { folders: [data, join(data, 'backups'), logs], files: [settings, join(home, 'no-such-file')] };
    spawner = new NodeProcessSpawner(new RunRecords(join(data, 'runs')), new Bubblewrap(hidden, PATH));
    await spawner.prepare();
  });
  afterEach(async () => {
    for (const child of started.splice(0)) {
      child.signal('SIGKILL');
      await waitUntil(() => child.isGone(), { what: 'the group is gone' });
      await child.release();
    }
  });
  afterAll(() => {
    spawner.end();
    removeTemporaryFolders();
  });

  async function run(script: string, given: Partial<Launch> = {}): Promise<ManagedProcess> {
    const env = { PATH, MCPS_INSTANCE: `bwrap-${process.pid}:tool` };
    const child = await spawner.spawn({ command: '/bin/sh', args: ['-c', script], cwd: null, env, ...given });
    started.push(child);
    return child;
  }
  const output = async (script: string) => text((await run(`{ ${script}\n} 2>&1`)).stdout);
  /** All processes in the pid namespace of the child's program, as the host sees them. */
  const namespaceOf = (child: ManagedProcess): string =>
    (readProcessTable() ?? [])
      .filter((row) => row.pgrp === child.pid && row.pid !== child.pid)
      .map((row) => readlinkSync(`/proc/${row.pid}/ns/pid`))
      .at(0) ?? '';
  const inhabitants = (namespace: string): number =>
    (readProcessTable() ?? []).filter((row) => {
      try {
        return row.state !== 'Z' && readlinkSync(`/proc/${row.pid}/ns/pid`) === namespace;
      } catch {
        return false; // ended meanwhile
      }
    }).length;

  it('sees nothing of our data, our logs and our settings, and the rest as it is', async () => {
    writeFileSync(join(home, 'other'), 'for all');
    expect(await output(`ls -A ${data} ${logs}`)).toBe(`${data}:\n\n${logs}:\n`);
    expect(await output(`cat ${settings}`)).not.toContain('our key');
    expect(await output(`cat ${join(home, 'other')}`)).toBe('for all');
    expect(await output(`touch ${data}/x`)).toContain('Read-only file system');
  });

  it('sees no process but its own, so none of our environment', async () => {
    expect(await output(`ls -d /proc/[0-9]* | wc -l`)).toMatch(/^[1-5]\n$/);
    expect(await output('tr "\\0" "\\n" </proc/1/environ | cut -d= -f1 | sort -u')).not.toMatch(/SECRET|DATABASE/);
  });

  it('shares one process group, by which it is measured and signalled', async () => {
    const child = await run('echo up; sleep 60 & wait');
    child.stdout.resume();
    await waitUntil(() => groupMembers(child.pid).length === 4, { what: 'bwrap twice, sh, sleep' });
  });

  it('can say goodbye: SIGTERM reaches it and does not end the walls around it', async () => {
    const child = await run('trap "echo bye; exit 7" TERM; echo up; while :; do sleep 0.05; done');
    let said = '';
    child.stdout.on('data', (data: Buffer) => (said += data.toString()));
    await waitUntil(() => said === 'up\n', { what: 'it is up' });
    child.signal('SIGTERM');
    expect(await child.exited).toEqual({ code: 7, signal: null });
    expect(said).toBe('up\nbye\n');
  });

  it('F24: is told to have ended by the signal that ended it', async () => {
    expect(await (await run('kill -SEGV $$')).exited).toEqual({ code: null, signal: 'SIGSEGV' });
    expect(await (await run('kill -KILL $$')).exited).toEqual({ code: null, signal: 'SIGKILL' });
    expect(await (await run('exit 3')).exited).toEqual({ code: 3, signal: null });
  });

  it('F10: takes along its daemons that have left the session and cleared their environment', async () => {
    const child = await run('env -i setsid sleep 60 </dev/null >/dev/null 2>&1 & echo up; wait; exec sleep 60');
    child.stdout.resume();
    const namespace = await waitUntil(() => namespaceOf(child), { what: 'the namespace' });
    await waitUntil(() => inhabitants(namespace) >= 3, { what: 'the daemon lives' });
    child.signal('SIGKILL');
    await waitUntil(() => child.isGone(), { what: 'the group is gone' });
    // The kernel ends the rest when the first process of the namespace ends, a moment after bwrap itself.
    await waitUntil(() => inhabitants(namespace) === 0, { what: 'the namespace is empty' });
  });

  it('F10: takes along its daemons when it ends by itself', async () => {
    const child = await run('env -i setsid sleep 60 </dev/null >/dev/null 2>&1 & read -r line; exit 0');
    const namespace = await waitUntil(() => namespaceOf(child), { what: 'the namespace' });
    await waitUntil(() => inhabitants(namespace) >= 3, { what: 'the daemon lives' });
    child.stdin.end();
    await child.exited;
    await waitUntil(() => child.isGone(), { what: 'the group is gone' });
    // The kernel ends the rest when the first process of the namespace ends, a moment after bwrap itself.
    await waitUntil(() => inhabitants(namespace) === 0, { what: 'the namespace is empty' });
  });

  it('is refused where its folder or its command is hidden, by links too', async () => {
    mkdirSync(join(data, 'work'));
    writeFileSync(join(data, 'program'), '#!/bin/sh\n', { mode: 0o755 });
    symlinkSync(join(data, 'work'), join(home, 'link'));
    const refusal = (given: Partial<Launch>) => run('exit', given).catch((error: unknown) => error);
    for (const cwd of [join(data, 'work'), join(home, 'link')]) {
      expect(await refusal({ cwd })).toMatchObject({
        name: 'SpawnError',
        code: 'cwd_hidden',
        permanent: true,
        message: expect.stringContaining('hides from tools; move it elsewhere'),
      });
    }
    expect(await refusal({ command: join(data, 'program') })).toMatchObject({ code: 'command_hidden' });
  });

  it('is not what the client of a container engine gets: it must reach the file for the id', async () => {
    const client = join(home, 'docker');
    writeFileSync(client, '#!/bin/sh\n[ "$1" != run ] || echo "$@"\n', { mode: 0o755 });
    const child = await run('', { command: client, args: ['run', 'image'] });
    expect(await text(child.stdout)).toContain(`--cidfile=${join(data, 'runs')}`);
  });

  it('says that this is the level in force', () => {
    expect(spawner.isolation()).toMatchObject({ level: 'bwrap', notes: [] });
  });
});
