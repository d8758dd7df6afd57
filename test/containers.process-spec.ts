import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { aTool } from './support/a-tool';
import {
  type Api,
  type BuiltProgram,
  firstLogin,
  login,
  scratchFolder,
  startProgram,
  stopProgram,
} from './support/built-program';
import { FakeContainerEngine } from './support/container-engine';
import { waitUntil } from './support/process-tree';

const FIXTURE = join(__dirname, 'support/fixture-mcp-server.mjs');
const STUBBORN = ['--ignore-eof', '--ignore-term'];

describe('a tool that is `docker run ...`', () => {
  let engine: FakeContainerEngine;
  let folder: ReturnType<typeof scratchFolder>;
  let path: string;
  beforeEach(() => {
    engine = new FakeContainerEngine();
    folder = scratchFolder();
    path = folder.path;
  });
  afterEach(() => {
    engine.remove();
    folder.remove();
  });

  /** The engine's client is found first in PATH, so that any call of any `docker` would be noted. */
  const start = () => startProgram(path, { PATH: `${engine.folder}:${process.env.PATH ?? ''}` });
  const serve = async (): Promise<{ program: BuiltProgram; api: Api }> => {
    const program = start();
    const isFirst = !existsSync(join(path, 'data'));
    const origin = await program.listening();
    return { program, api: isFirst ? await firstLogin(origin, path) : await login(origin) };
  };
  const die = async (program: BuiltProgram) => {
    program.child.kill('SIGKILL');
    await program.exited;
  };
  const isReady = (program: BuiltProgram) =>
    waitUntil(() => program.output().includes('A tool is ready'), { what: 'the tool runs again' });

  const contained = (name: string, flags: string[] = []) => ({
    ...aTool({ name }),
    command: 'docker',
    args: ['run', '-i', '--rm', 'image', process.execPath, FIXTURE, ...flags],
    env: engine.env,
  });
  const verbs = () => engine.calls.map((call) => call.split(' ')[0]);
  const recordedRuns = () => readdirSync(join(path, 'data/runs')).filter((name) => /\.(json|cid)$/.test(name));

  it('costs nobody a call of the engine who has none', async () => {
    const { program, api } = await serve();
    await api('POST', '/tools', aTool({ name: 'plain' }));
    await api('POST', '/tools/plain/start');
    await die(program);
    const next = await serve();
    await isReady(next.program);
    await next.api('DELETE', '/tools/plain');
    expect(await stopProgram(next.program)).toBe(0);
    expect(engine.calls).toEqual([]);
  });

  it('ends with its container politely, by the end of its input', async () => {
    const { program, api } = await serve();
    await api('POST', '/tools', contained('polite'));
    expect((await api('POST', '/tools/polite/start')).body.state).toBe('running');
    expect(engine.pids).toHaveLength(1);
    expect((await api('POST', '/tools/polite/stop')).body.state).toBe('stopped');
    expect(engine.pids).toEqual([]);
    expect(verbs()).toEqual(['run', 'ps']);
    expect(recordedRuns()).toEqual([]);
    expect(await stopProgram(program)).toBe(0);
  });

  it('has stopped only when its container is gone, which the death of the client does not end', async () => {
    const { program, api } = await serve();
    await api('POST', '/tools', contained('stubborn', STUBBORN));
    expect((await api('POST', '/tools/stubborn/start')).body.state).toBe('running');
    expect((await api('POST', '/tools/stubborn/stop')).body.state).toBe('stopped');
    expect(engine.pids).toEqual([]);
    expect(verbs()).toContain('kill');
    expect(await stopProgram(program)).toBe(0);
  });

  it('F30: leaves a container over kill -9 of ours, and not beyond the next start, even one without an engine at first', async () => {
    const { program, api } = await serve();
    await api('POST', '/tools', contained('orphan', STUBBORN));
    await api('POST', '/tools/orphan/start');
    const left = engine.pids;
    expect(left).toHaveLength(1);
    await die(program);
    expect(engine.pids).toEqual(left);

    // An engine that hangs does not hold up the start; what it could not be asked to remove is remembered.
    engine.misbehave('hang');
    const deaf = start();
    await deaf.listening();
    expect(deaf.output()).toContain('It is not known whether containers of an earlier run still run');
    expect(deaf.output()).toContain('Does the engine run');
    await isReady(deaf);
    await die(deaf);
    expect(engine.pids).toEqual(expect.arrayContaining(left));

    engine.misbehave(null);
    const next = start();
    await next.listening();
    expect(next.output()).toContain('an earlier run had left behind');
    await isReady(next);
    expect(engine.pids).toHaveLength(1);
    expect(engine.pids).not.toEqual(left);
    expect(await stopProgram(next)).toBe(0);
    expect(engine.pids).toEqual([]);
    expect(recordedRuns()).toEqual([]);
  }, 120_000);
});
