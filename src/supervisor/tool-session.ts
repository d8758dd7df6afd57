import { setTimeout as delay } from 'node:timers/promises';
import { SecretMask } from '../common/secret-mask';
import { performHandshake, type ServerIdentity } from '../mcp/handshake';
import type { RpcParams } from '../mcp/json-rpc.types';
import { McpPeer } from '../mcp/mcp-peer';
import { HandshakeError } from '../mcp/peer.errors';
import type { PeerTool, ProtocolEra } from '../mcp/peer.types';
import { RemoteTransport } from '../mcp/remote-transport';
import { StdioTransport } from '../mcp/stdio-transport';
import type { TrafficSink } from '../mcp/traffic';
import { TransportError, type McpTransport } from '../mcp/transport.types';
import { childEnvironment } from './child-environment';
import { lookUpCommand } from './command-lookup';
import { NoiseLimit } from './noise-limit';
import { type Launch, type ManagedProcess, type ProcessSpawner, SpawnError } from './process-spawner';
import { type PingResult, pingServer } from './session-ping';
import type { StderrRing } from './stderr-ring';
import { FIRST_DEFAULTS, isLauncher, startTimeoutOf, type SupervisedTool, type ToolDefaults } from './supervised-tool';

/** What a session needs of the house. */
export interface SessionSurroundings {
  spawner: ProcessSpawner;
  sink: TrafficSink;
  clientInfo: { name: string; version: string };
  /** Our own environment, of which children get the allowed part. */
  environment: Readonly<Record<string, string | undefined>>;
  passthrough: readonly string[];
  maxMessageBytes: number;
  /** Read at each step, since they change; default: FIRST_DEFAULTS. */
  readonly defaults?: ToolDefaults;
  /** What reaches remote servers; default: none but those that the default address policy allows. */
  remoteFetch?: typeof fetch;
  /** Value of the marker variable of this tool's processes. */
  marker: string;
  /** So long may messages wait in vain to be read by a program, in milliseconds; default 30,000. */
  stdinStuckMs?: number;
  /** Told of lines that are no MCP messages, the first 20 a minute, secrets masked. */
  onNoise?: (tool: SupervisedTool, line: string) => void;
}

/** What went wrong below the calls in one session. */
export interface SessionCounters {
  /** Lines that were no MCP message. */
  noise: number;
  /** Messages over the size cap. */
  oversized: number;
  /** Answers that came after their call had ended. */
  late: number;
  /** Answers to nothing that was asked. */
  unknown: number;
  /** Characters on stderr that a flood made us drop. */
  stderrDropped: number;
}

export const NOTHING_COUNTED: SessionCounters = { noise: 0, oversized: 0, late: 0, unknown: 0, stderrDropped: 0 };

/** Silence of a probe after which a server counts as legacy; a launcher may still be downloading. */
const PROBE_SILENCE_MS = 3_000;
const LAUNCHER_PROBE_SILENCE_MS = 20_000;

/** One life of one server: its process (if it is ours), its connection, what it said of itself. */
export class ToolSession {
  process: ManagedProcess | null = null;
  peer: McpPeer | null = null;
  identity: ServerIdentity | null = null;
  /** Milliseconds of the last measured round trip. */
  pingMs: number | null = null;
  /** Hides the secrets of the definition in what the server says. */
  readonly mask: SecretMask;
  private readonly noiseLimit = new NoiseLimit();
  private heardAtReady = 0;
  private stderr: { ring: StderrRing; droppedBefore: number } | null = null;
  private readonly aborter = new AbortController();
  private transport: McpTransport | null = null;
  private opening: Promise<void> | null = null;
  private closing: Promise<void> | null = null;

  constructor(
    readonly generation: number,
    /** The definition it was started from; edits made later don't reach it. */
    readonly tool: SupervisedTool,
    /** What records show; the instance keeps it up to date. */
    private readonly shown: PeerTool,
    private readonly surroundings: SessionSurroundings,
  ) {
    // Stderr is read by lines, so each line of a secret (of a PEM key, say) is one itself.
    const secrets = [...Object.values(tool.env), ...Object.values(tool.headers)];
    this.mask = new SecretMask(secrets.flatMap((secret) => [secret, ...secret.split(/\r?\n/)]));
  }

  /** Aborted when the session is taken down. */
  get signal(): AbortSignal {
    return this.aborter.signal;
  }

  /** How long a request may take that says nothing else. */
  get timeoutMs(): number {
    return this.tool.timeoutMs ?? this.defaults.timeoutMs;
  }

  /** Whether the server has said anything since it became ready. */
  get hasSpoken(): boolean {
    return (this.peer?.heard ?? 0) > this.heardAtReady;
  }

  get counters(): SessionCounters {
    const { peer, stderr } = this;
    const stderrDropped = stderr === null ? 0 : stderr.ring.dropped - stderr.droppedBefore;
    if (peer === null) return { ...NOTHING_COUNTED, stderrDropped };
    const { noise, oversized, late, unknown } = peer.counters;
    return { noise, oversized, late, unknown, stderrDropped };
  }

  /** Starts the program or prepares the connection. @throws SpawnError, TransportError */
  async open(stderr: StderrRing): Promise<void> {
    this.stderr = { ring: stderr, droppedBefore: stderr.dropped };
    this.opening = this.doOpen(stderr);
    const limitMs = this.startTimeoutMs;
    const done = new AbortController();
    const signal = AbortSignal.any([this.signal, done.signal]);
    // Looking at a folder that has gone away (a network file system) may never end.
    const limit = delay(limitMs, undefined, { signal }).then(() => {
      throw this.openedTooSlowly(limitMs);
    });
    await Promise.race([this.opening, limit]).finally(() => done.abort());
  }

  /** Agrees on a revision. @throws HandshakeError, TransportError */
  async handshake(probe: 'auto' | ProtocolEra, elapsedMs: number, initialize?: RpcParams): Promise<ServerIdentity> {
    const { peer, transport } = this;
    if (peer === null) throw new Error('handshake before open');
    const identity = await performHandshake(peer, {
      timeoutMs: Math.max(1, this.startTimeoutMs - elapsedMs),
      signal: this.aborter.signal,
      initialize,
      probe: this.tool.transport === 'sse' ? 'legacy' : probe,
      probeSilenceMs: isLauncher(this.tool.command) ? LAUNCHER_PROBE_SILENCE_MS : PROBE_SILENCE_MS,
      ...(transport instanceof StdioTransport ? { firstByte: transport.firstByte } : {}),
    }).catch((error: unknown) => {
      throw this.saidOnlyNoise(error) ? this.onlyNoise() : (this.silentRemote(error) ?? error);
    });
    this.heardAtReady = peer.heard;
    this.identity = this.mask.applyToJson(identity);
    return this.identity;
  }

  /** Asks whether it is there, and keeps how long the answer took; without one, the figure of before stays. Never rejects. */
  async ping(timeoutMs: number = this.timeoutMs): Promise<PingResult> {
    const { peer, identity } = this;
    if (peer === null || identity === null) return { is: 'missed', reason: 'It is not connected' };
    const result = await pingServer(peer, identity, timeoutMs);
    if (result.is === 'answered') this.pingMs = result.ms;
    return result;
  }

  /** Gives a broken connection the reason that only the process knows. */
  endBecause(code: string, message: string): void {
    if (this.transport instanceof StdioTransport) this.transport.end({ code, message });
  }

  /** The polite end: a start under way is aborted, end of input is sent, a remote session is ended. Idempotent. */
  close(): Promise<void> {
    this.closing ??= this.doClose();
    return this.closing;
  }

  /** Whether nothing of it is left; only meaningful after `close`. */
  isGone(): boolean {
    return this.process === null ? this.remoteClosed : this.process.isGone();
  }

  /** Ends also what left the group; only once it is gone. */
  async release(): Promise<void> {
    await this.process?.release();
  }

  private remoteClosed = false;

  private get defaults(): ToolDefaults {
    return this.surroundings.defaults ?? FIRST_DEFAULTS;
  }

  private get startTimeoutMs(): number {
    return startTimeoutOf(this.tool, this.defaults);
  }

  private async doOpen(stderr: StderrRing): Promise<void> {
    const refusal = this.tool.refusal?.() ?? null;
    if (refusal) throw new SpawnError(refusal.code, refusal.message, true, refusal.hint);
    this.transport = this.tool.transport === 'stdio' ? await this.startProgram(stderr) : this.remoteTransport();
    const { sink, clientInfo } = this.surroundings;
    const onNoise = (sample: string): void => this.onNoise(sample);
    this.peer = new McpPeer({ transport: this.transport, sink, tool: this.shown, clientInfo, onNoise });
    await this.peer.open(this.aborter.signal);
  }

  private async doClose(): Promise<void> {
    this.aborter.abort();
    // A start under way comes to its end first, so that a process can't appear after we have looked.
    await this.opening?.catch(() => undefined);
    try {
      await this.peer?.close();
    } finally {
      this.remoteClosed = true;
    }
  }

  private async startProgram(stderr: StderrRing): Promise<StdioTransport> {
    const launch = await this.launch();
    if (this.aborter.signal.aborted) throw new SpawnError('start_aborted', 'The start was aborted', false);
    const child = await this.surroundings.spawner.spawn(launch);
    this.process = child;
    stderr.follow(child.stderr, this.mask);
    // Born after the end was asked for: the ladder may have passed already, and it has done nothing yet.
    if (this.signal.aborted) child.signal('SIGKILL');
    return new StdioTransport({
      stdin: child.stdin,
      stdout: child.stdout,
      maxMessageBytes: this.surroundings.maxMessageBytes,
      stuckMs: this.surroundings.stdinStuckMs,
    });
  }

  private onNoise(sample: string): void {
    const { onNoise } = this.surroundings;
    if (onNoise && this.noiseLimit.lets()) onNoise(this.tool, this.mask.apply(sample));
  }

  /** Whether the server was not silent, as the handshake sees it, but spoke something else than MCP. */
  private saidOnlyNoise(error: unknown): boolean {
    const { peer, transport } = this;
    if (!(error instanceof HandshakeError) || error.code !== 'handshake_timeout') return false;
    return transport instanceof StdioTransport && peer?.lastSeenAt === null && peer.counters.noise > 0;
  }

  private onlyNoise(): HandshakeError {
    const said = JSON.stringify(this.peer?.firstNoise ?? '');
    return new HandshakeError(
      'not_mcp',
      `Not one MCP message came in time, but the program wrote on standard output: ${said}`,
    );
  }

  private openedTooSlowly(limitMs: number): Error {
    return this.tool.transport === 'stdio'
      ? new SpawnError('spawn_timeout', `The system did not start the program within ${limitMs} ms`, false)
      : (this.silentRemote() ?? new TransportError('remote_timeout', `The server did not answer within ${limitMs} ms`));
  }

  /** Where a handshake with a remote took too long: what the connection knows of its silence. */
  private silentRemote(error?: unknown): TransportError | null {
    const isTooLate = error === undefined || (error instanceof HandshakeError && error.code === 'handshake_timeout');
    const silence = this.transport instanceof RemoteTransport && isTooLate ? this.transport.silence : null;
    if (silence === null) return null;
    const limit = `within ${this.startTimeoutMs} ms`;
    return new TransportError(silence.code, `${silence.message} ${limit}`, { cause: error });
  }

  private async launch(): Promise<Launch> {
    const { command, args, cwd, env: own } = this.tool;
    if (command === null) throw new SpawnError('command_not_found', 'The tool has no command', true);
    const { environment, passthrough, marker } = this.surroundings;
    const env = childEnvironment(environment, passthrough, own, marker);
    const found = await lookUpCommand(command, cwd, env);
    if (found.ok) return { command: found.path, args, cwd, env };
    throw new SpawnError(
      found.code,
      found.code === 'command_not_found'
        ? `The command "${command}" was not found`
        : `The command "${command}" is there but is not executable`,
      true,
    );
  }

  private remoteTransport(): RemoteTransport {
    const { transport, url, headers } = this.tool;
    if (transport === 'stdio' || url === null) throw new SpawnError('url_missing', 'The tool has no URL', true);
    const { maxMessageBytes, remoteFetch } = this.surroundings;
    return new RemoteTransport({ transport, url, headers, maxMessageBytes, fetch: remoteFetch });
  }
}
