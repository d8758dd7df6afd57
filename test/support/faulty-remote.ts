import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const PROGRAM = join(__dirname, 'faulty-remote-server.mjs');

/** One running faulty-remote-server.mjs. */
export interface FaultyRemote {
  readonly port: number;
  /** http://127.0.0.1:port/mcp, or https where the fault is one of TLS. */
  readonly url: string;
  /** Its certificate as PEM, where it has one. */
  readonly certificate: string | null;
  /** The URL of another fault of HTTP on the same server; `on`: only at this method. */
  urlOf(fault: string, on?: string): string;
  /** How often the server was asked what under that fault; none: the one that it was started with. */
  counts(fault?: string): Promise<Record<string, number>>;
  stop(): Promise<void>;
}

/** Starts the server with a fault; it ends with `stop`, or with the process of the test. */
export async function startFaultyRemote(fault: string, ...flags: string[]): Promise<FaultyRemote> {
  const child: ChildProcess = spawn(process.execPath, [PROGRAM, '--fault', fault, ...flags], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  if (child.stdout === null) throw new Error('the server has no output');
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const { port, certificate } = JSON.parse(line.toString()) as { port: number; certificate: string | null };
  const origin = `${fault.startsWith('tls-') ? 'https' : 'http'}://127.0.0.1:${port}`;
  return {
    port,
    certificate,
    url: `${origin}/mcp`,
    urlOf: (other, on) => `${origin}/${other}/mcp${on === undefined ? '' : `?on=${encodeURIComponent(on)}`}`,
    counts: async (other) => {
      const response = await fetch(other === undefined ? `${origin}/counts` : `${origin}/${other}/counts`);
      return (await response.json()) as Record<string, number>;
    },
    stop: async () => {
      child.stdin?.end();
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}
