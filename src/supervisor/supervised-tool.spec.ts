import { aSupervisedTool } from '../../test/support/a-supervised-tool';
import { isLauncher, sameConnection, startTimeoutOf, type ToolConnection } from './supervised-tool';

const DEFAULTS = { maxRetries: 3, timeoutMs: 11_000 };

describe('a supervised tool', () => {
  it('is run by a launcher, whatever path or extension that has', () => {
    for (const command of [
      'npx',
      'uvx',
      '/usr/local/bin/uvx',
      'C:\\Program Files\\nodejs\\npx.CMD',
      'docker',
      'podman',
    ]) {
      expect([command, isLauncher(command)]).toEqual([command, true]);
    }
    for (const command of ['node', 'npx-server', '/opt/npx/server', 'python', '', null]) {
      expect([command, isLauncher(command)]).toEqual([command, false]);
    }
  });

  it('may take its request timeout to start, a launcher two minutes, and what is set before all', () => {
    expect(startTimeoutOf(aSupervisedTool({ command: 'node', timeoutMs: 7_000 }), DEFAULTS)).toBe(7_000);
    expect(startTimeoutOf(aSupervisedTool({ command: 'node', timeoutMs: null }), DEFAULTS)).toBe(11_000);
    expect(startTimeoutOf(aSupervisedTool({ command: 'npx', timeoutMs: 7_000 }), DEFAULTS)).toBe(120_000);
    expect(startTimeoutOf(aSupervisedTool({ command: 'npx', startTimeoutMs: 9_000 }), DEFAULTS)).toBe(9_000);
  });

  it('has another connection after every change that a running server would not notice', () => {
    const tool = aSupervisedTool({ env: { A: '1', B: '2' }, headers: { X: '1' } });
    const changes: Partial<ToolConnection>[] = [
      { command: 'other' },
      { args: [] },
      { cwd: '/tmp' },
      { env: { A: '1', B: '3' } },
      { env: { A: '1' } },
      { headers: {} },
      { url: 'http://localhost/mcp' },
      { transport: 'sse' },
    ];
    for (const change of changes)
      expect([change, sameConnection(tool, { ...tool, ...change })]).toEqual([change, false]);
  });

  it('has the same connection after any other change', () => {
    const tool = aSupervisedTool({ env: { A: '1', B: '2' } });
    const others = {
      name: 'renamed',
      timeoutMs: 1,
      maxRetries: 9,
      restartPolicy: 'never',
      recordPayloads: false,
    } as const;
    expect(sameConnection(tool, { ...tool, ...others, env: { B: '2', A: '1' } })).toBe(true);
  });
});
