import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scratchFolder, startProgram } from './support/built-program';

/** With the real bubblewrap: isolation.system-spec.ts. */
describe('MCP_ISOLATION=bwrap is never less than that', () => {
  const folder = scratchFolder();
  const bin = mkdtempSync(join(tmpdir(), 'mcps-bin-'));
  afterAll(() => {
    folder.remove();
    rmSync(bin, { recursive: true });
  });

  const refusal = async (PATH: string) => {
    const program = startProgram(folder.path, { MCP_ISOLATION: 'bwrap', PATH });
    const code = await program.exited;
    return { code, lines: program.output().trim().split('\n') };
  };

  it('ends with code 1 and says what to install where bubblewrap is missing', async () => {
    const { code, lines } = await refusal(join(bin, 'empty'));
    expect(code).toBe(1);
    expect(lines.at(-1)).toBe(
      'MCP_ISOLATION=bwrap can\'t be had: there is no bwrap in PATH; install the package "bubblewrap", or set MCP_ISOLATION=process-group',
    );
    expect(lines.filter((line) => line.includes('MCP_ISOLATION'))).toHaveLength(1);
  });

  it('ends with code 1 and says what to allow where user namespaces are forbidden', async () => {
    const script = '#!/bin/sh\necho "bwrap: No permissions to create new namespace" >&2\nexit 1\n';
    writeFileSync(join(bin, 'bwrap'), script, { mode: 0o755 });
    const { code, lines } = await refusal(`${bin}:/usr/bin:/bin`);
    expect(code).toBe(1);
    expect(lines.at(-1)).toContain('No permissions to create new namespace');
    expect(lines.at(-1)).toContain('allow user namespaces');
  });

  it('ends with code 1 where something of that name isolates nothing', async () => {
    const script = '#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n';
    writeFileSync(join(bin, 'bwrap'), script, { mode: 0o755 });
    const { code, lines } = await refusal(`${bin}:/usr/bin:/bin`);
    expect(code).toBe(1);
    expect(lines.at(-1)).toMatch(/it gives no pid namespace|it does not hide/);
  });
});
