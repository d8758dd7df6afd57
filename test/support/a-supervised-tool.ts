import { join } from 'node:path';
import type { SupervisedTool } from '../../src/supervisor/supervised-tool';

const FIXTURE = join(__dirname, 'fixture-mcp-server.mjs');

/** What the supervisor knows of a stdio tool around the fixture server; `flags` are the fixture's. */
export function aSupervisedTool({ flags = [], ...given }: Partial<SupervisedTool> & { flags?: string[] } = {}) {
  const tool: SupervisedTool = {
    id: 'tool-1',
    name: 'fixture',
    transport: 'stdio',
    command: process.execPath,
    args: [FIXTURE, ...flags],
    cwd: null,
    env: {},
    url: null,
    headers: {},
    restartPolicy: 'always',
    maxRetries: 3,
    timeoutMs: 5_000,
    startTimeoutMs: null,
    recordPayloads: true,
    memoryLimitBytes: null,
  };
  return { ...tool, ...given };
}
