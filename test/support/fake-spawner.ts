import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import type { RpcMessage } from '../../src/mcp/json-rpc.types';
import type { IsolationReport } from '../../src/supervisor/isolation-report';
import {
  type Launch,
  type ManagedProcess,
  ProcessSpawner,
  type SpawnError,
} from '../../src/supervisor/process-spawner';

/** How a fake child behaves; everything defaults to a well-behaved legacy server. */
export interface FakeBehaviour {
  /** Thrown instead of a child. */
  spawnError?: SpawnError;
  /** Spawning ends only when this does. */
  spawnGate?: Promise<void>;
  /** Exits with this code as soon as it is there. */
  exitAtOnce?: number;
  stderr?: string;
  /** Answers `initialize`; default true. */
  answers?: boolean;
  /** Answers `initialize` with this error, and exits then if it says so. */
  refuses?: { code: number; message: string; exits?: boolean };
  /** Exits when asked `server/discover`. */
  exitsOnDiscover?: boolean;
  /** Never answers `ping`. */
  ignoresPing?: boolean;
  ignoresEof?: boolean;
  ignoresTerm?: boolean;
  /** Not even SIGKILL ends it: it waits in the kernel until `exit` is called. */
  ignoresKill?: boolean;
  /** The leader leaves another process in its group when it exits; only a signal ends that one. */
  leavesMember?: boolean;
}

const LEGACY_RESULT = { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 'fake', version: '1' } };

/** A child without a process: pipes in memory, a legacy MCP server behind them. */
export class FakeProcess implements ManagedProcess {
  readonly stdin = new PassThrough();
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly methods: string[] = [];
  /** The id of the last request of each method. */
  readonly ids = new Map<string, RpcMessage['id']>();
  readonly signals: string[] = [];
  /** It reads but does nothing with it, as after SIGSTOP. */
  isFrozen = false;
  readonly exited: Promise<{ code: number | null; signal: string | null }>;
  private tellExit: (exit: { code: number | null; signal: string | null }) => void = () => undefined;
  private hasExited = false;
  private hasMember: boolean;

  constructor(
    readonly pid: number,
    readonly launch: Launch,
    private readonly behaviour: FakeBehaviour,
  ) {
    this.exited = new Promise((resolve) => (this.tellExit = resolve));
    this.hasMember = behaviour.leavesMember ?? false;
    createInterface(this.stdin).on('line', (line) => this.onLine(line));
    this.stdin.once('end', () => {
      if (!behaviour.ignoresEof) this.exit(0);
    });
    if (behaviour.stderr !== undefined) this.stderr.write(`${behaviour.stderr}\n`);
    if (behaviour.exitAtOnce !== undefined) this.exit(behaviour.exitAtOnce);
  }

  signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    if (this.isGone()) return;
    this.signals.push(signal);
    if (signal === 'SIGTERM' ? this.behaviour.ignoresTerm : this.behaviour.ignoresKill) return;
    this.hasMember = false;
    this.exit(null, signal);
  }

  async release(): Promise<void> {
    await this.exited;
    for (const pipe of [this.stdin, this.stdout, this.stderr]) pipe.destroy();
  }

  isGone(): boolean {
    return this.hasExited && !this.hasMember;
  }

  exit(code: number | null, signal: string | null = null): void {
    if (this.hasExited) return;
    this.hasExited = true;
    this.stdout.end();
    this.stderr.end();
    // As with a real one: the pipes are read to their end first.
    setImmediate(() => this.tellExit({ code, signal }));
  }

  private onLine(line: string): void {
    const { id, method } = JSON.parse(line) as RpcMessage;
    this.methods.push(method ?? '');
    this.ids.set(method ?? '', id);
    if (method === 'server/discover' && this.behaviour.exitsOnDiscover) this.exit(1);
    if (this.hasExited || this.isFrozen || this.behaviour.answers === false) return;
    if (method === 'server/discover') this.say({ id, error: { code: -32601, message: 'Method not found' } });
    if (method === 'initialize') this.onInitialize(id);
    if (method === 'ping' && !this.behaviour.ignoresPing) this.say({ id, result: {} });
    if (method === 'tools/list') this.say({ id, result: { tools: [] } });
  }

  private onInitialize(id: RpcMessage['id']): void {
    const { refuses } = this.behaviour;
    if (!refuses) {
      this.say({ id, result: LEGACY_RESULT });
      return;
    }
    this.say({ id, error: { code: refuses.code, message: refuses.message } });
    if (refuses.exits) this.exit(1);
  }

  /** The child says something by itself. */
  say(message: object): void {
    this.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  }
}

/** Starts fake children, each as `behave` says, and notes how many lived at once. */
export class FakeSpawner extends ProcessSpawner {
  readonly children: FakeProcess[] = [];
  /** How many spawns were asked for. */
  asked = 0;
  mostAlive = 0;

  constructor(private readonly behave: (index: number) => FakeBehaviour = () => ({})) {
    super();
  }

  async spawn(launch: Launch): Promise<ManagedProcess> {
    const behaviour = this.behave(this.asked++);
    await behaviour.spawnGate;
    if (behaviour.spawnError) throw behaviour.spawnError;
    const child = new FakeProcess(1_000_000 + this.asked, launch, behaviour);
    this.children.push(child);
    this.mostAlive = Math.max(this.mostAlive, this.alive.length);
    return child;
  }

  prepare(): Promise<void> {
    return Promise.resolve();
  }

  isolation(): IsolationReport {
    return {
      level: 'process-group',
      promise: 'Nothing of a fake is ever left',
      guard: { pid: null, respawns: 0 },
      notes: [],
    };
  }

  reapLeftovers(): Promise<number> {
    return Promise.resolve(0);
  }

  end(): void {
    // Nobody watches over fake children.
  }

  get alive(): FakeProcess[] {
    return this.children.filter((child) => !child.isGone());
  }

  get last(): FakeProcess {
    const last = this.children.at(-1);
    if (!last) throw new Error('Nothing was spawned');
    return last;
  }
}
