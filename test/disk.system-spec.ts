/** Disks that take no more, by tmpfs: needs root. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { firstLogin, startProgram, stopProgram } from './support/built-program';
import { FakeKubelet } from './support/fake-kubelet';
import { waitUntil } from './support/process-tree';
import { removeTemporaryFolders, temporaryFolder } from './support/temporary-folder';

let path: string;
let disk: string;

beforeEach(() => {
  path = temporaryFolder();
  disk = join(path, 'data');
  mkdirSync(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', disk]);
});
afterEach(() => {
  execFileSync('umount', [disk]);
  removeTemporaryFolders();
});

/** Takes all that is left. */
const fill = (): string => {
  const filler = join(disk, 'filler');
  const { bavail, bsize } = statfsSync(disk);
  writeFileSync(filler, Buffer.alloc(bavail * bsize));
  return filler;
};

const refusal = async (env: Record<string, string> = {}): Promise<string> => {
  const program = startProgram(path, env);
  expect(await program.exited).toBe(1);
  expect(program.output().trim().split('\n')).toHaveLength(1);
  return program.output();
};

it('F50: a data folder on a file system that is read-only is told in one line', async () => {
  const first = startProgram(path);
  await first.listening();
  expect(await stopProgram(first)).toBe(0);
  execFileSync('mount', ['-o', 'remount,ro', disk]);
  expect(await refusal()).toContain('mounted read-only');
});

it('F48: a full disk is told in one line at the start', async () => {
  fill();
  expect(await refusal()).toContain('no space left');
});

it('F48: a disk that fills up is a 503 for what is to be written; reads and probes go on, and it recovers by itself', async () => {
  const program = startProgram(path);
  const origin = await program.listening();
  const api = await firstLogin(origin, path);
  const kubelet = new FakeKubelet(origin).start();
  const make = (name: string) =>
    api('POST', '/tools', { name, command: process.execPath, description: 'x'.repeat(500) });
  expect((await make('first')).status).toBe(201);
  const filler = fill();
  const refused = await waitUntil(
    async () => {
      const answer = await make(`more-${Math.random().toString(36).slice(2)}`);
      return answer.status === 201 ? undefined : answer;
    },
    { what: 'the disk to be full' },
  );
  expect(refused).toMatchObject({ status: 503, body: { code: 'database_full' } });
  expect((await api('GET', '/tools')).status).toBe(200);
  const { body } = await api('GET', '/system/health');
  expect(body.error.disk.message).toContain('nearly full');
  rmSync(filler);
  expect((await make('later')).status).toBe(201);
  await kubelet.stop();
  expect(kubelet.wouldRestart).toBe(0);
  expect(new Set(kubelet.liveAnswers)).toEqual(new Set([200]));
  expect(await stopProgram(program)).toBe(0);
}, 120_000);
