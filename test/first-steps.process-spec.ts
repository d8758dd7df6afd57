import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { scratchFolder, startProgram, stopProgram } from './support/built-program';
import { waitUntil } from './support/process-tree';

const root = join(__dirname, '..');

/** The block of README.md with this info string, as a script. */
function readmeBlock(name: string): string {
  const text = readFileSync(join(root, 'README.md'), 'utf8');
  const block = new RegExp(`\`\`\`bash ${name}\\n([\\s\\S]*?)\`\`\``).exec(text)?.[1];
  if (block === undefined) throw new Error(`README.md has no block "bash ${name}"`);
  return block;
}

async function run(script: string, env: Record<string, string>): Promise<{ code: number | null; output: string }> {
  const child = spawn('bash', ['-s'], { env: { PATH: process.env['PATH'], ...env }, cwd: root });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (output += data.toString()));
  child.stdin.end(script);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

describe("README's first steps with curl, against the real server-everything", () => {
  const folder = scratchFolder();
  const dataDir = join(folder.path, 'data');
  afterAll(() => folder.remove());

  it('do what they say, for a program started by npx and for a remote server', async () => {
    mkdirSync(dataDir);
    // In the repository's folder, npx finds the package among the development dependencies.
    const program = startProgram(root, { DATA_DIR: dataDir, LOG_DIR: join(folder.path, 'logs'), PORT: '0' });
    const env = { MCPS_URL: await program.listening(), DATA_DIR: dataDir };
    const local = await run(readmeBlock('first-steps'), env);
    expect(local).toMatchObject({ code: 0, output: expect.stringContaining('Echo: hello') });
    for (const said of [
      'everything: stopped',
      /running, pid \d+, MCP 2025-11-25/,
      'to-server request echo',
      /stopped\s*$/,
    ]) {
      expect(local.output).toMatch(said);
    }

    // README's port may be in use on this machine.
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const port = String((probe.address() as AddressInfo).port);
    probe.close();
    const everything = require.resolve('@modelcontextprotocol/server-everything/package.json');
    const server = spawn(process.execPath, [join(everything, '../dist/index.js'), 'streamableHttp'], {
      env: { PATH: process.env['PATH'], PORT: port },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    try {
      let said = '';
      server.stderr.on('data', (data: Buffer) => (said += data.toString()));
      await waitUntil(() => /listening|port/i.test(said), { what: 'the remote server to listen' });
      const script = readmeBlock('first-steps-remote');
      expect(script).toContain('http://127.0.0.1:3001/mcp');
      const remote = await run(script.replace(':3001/', `:${port}/`), env);
      expect(remote).toMatchObject({ code: 0, output: expect.stringContaining('Echo: hello') });
    } finally {
      server.kill('SIGKILL');
    }
    expect(await stopProgram(program)).toBe(0);
  });
});
