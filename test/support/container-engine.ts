import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const CLIENT = join(__dirname, 'fake-container-engine.mjs');

/** A container engine that needs none: see fake-container-engine.mjs. */
export class FakeContainerEngine {
  readonly folder = mkdtempSync(join(tmpdir(), 'mcps-engine-'));
  /** What a tool's `env` needs to reach it. */
  readonly env = { DOCKER_CONFIG: this.folder };
  /** The client: a tool's command. */
  readonly command: string;

  constructor(name: 'docker' | 'podman' = 'docker') {
    chmodSync(CLIENT, 0o755);
    this.command = join(this.folder, name);
    symlinkSync(CLIENT, this.command);
  }

  /** Pids of the processes of its containers. */
  get pids(): number[] {
    return readdirSync(this.folder)
      .filter((name) => name.endsWith('.container'))
      .map((name) => (JSON.parse(readFileSync(join(this.folder, name), 'utf8')) as { pid: number }).pid)
      .filter(isLiving);
  }

  /** Every call of the client so far. */
  get calls(): string[] {
    const file = join(this.folder, 'calls');
    return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
  }

  /** From now on it `hang`s or `refuse`s, but for `run`; null: it works again. */
  misbehave(how: 'hang' | 'refuse' | null): void {
    for (const name of ['hang', 'refuse']) rmSync(join(this.folder, name), { force: true });
    if (how !== null) writeFileSync(join(this.folder, how), '');
  }

  /** Ends all that is left of it. */
  remove(): void {
    for (const pid of this.pids) process.kill(pid, 'SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function isLiving(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return !/^[ZX]$/.test(stat.charAt(stat.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
}
