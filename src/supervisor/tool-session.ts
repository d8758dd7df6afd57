import { setTimeout as delay } from 'node:timers/promises';
import { SecretMask } from '../common/secret-mask';
import { performHandshake, type ServerIdentity } from '../mcp/handshake';
import { McpPeer } from '../mcp/mcp-peer';
import { HandshakeError, RpcCallError } from '../mcp/peer.errors';
import type { PeerTool, ProtocolEra } from '../mcp/peer.types';
import { RemoteTransport } from '../mcp/remote-transport';
import { StdioTransport } from '../mcp/stdio-transport';
import type { TrafficSink } from '../mcp/traffic';
import { TransportError, type McpTransport } from '../mcp/transport.types';
import { childEnvironment } from './child-environment';
import { lookUpCommand } from './command-lookup';
import { type Launch, type ManagedProcess, type ProcessSpawner, SpawnError } from './process-spawner';
import type { StderrRing } from './stderr-ring';
import { isLauncher, startTimeoutOf, type SupervisedTool } from './supervised-tool';

/** What a session needs of the house. */
export interface SessionSurroundings {
  spawner: ProcessSpawner;
  sink: TrafficSink;
  clientInfo: { name: string; version: string };
  /** Our own environment, of which children get the allowed part. */
  environment: Readonly<Record<string, string | undefined>>;
  passthrough: readonly string[];
  maxMessageBytes: number;
  /** What reaches remote servers; default: none but those that the default address policy allows. */
  remoteFetch?: typeof fetch;
  /** Value of the marker variable of this tool's processes. */
  marker: string;
}

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

  /** Starts the program or prepares the connection. @throws SpawnError, TransportError */
  async open(stderr: StderrRing): Promise<void> {
    this.opening = this.doOpen(stderr);
    const limitMs = startTimeoutOf(this.tool);
    const done = new AbortController();
    const signal = AbortSignal.any([this.signal, done.signal]);
    // Looking at a folder that has gone away (a network file system) may never end.
    const limit = delay(limitMs, undefined, { signal }).then(() => {
      throw this.openedTooSlowly(limitMs);
    });
    await Promise.race([this.opening, limit]).finally(() => done.abort());
  }

  /** Agrees on a revision. @throws HandshakeError, TransportError */
  async handshake(probe: 'auto' | ProtocolEra, elapsedMs: number): Promise<ServerIdentity> {
    const { peer, transport } = this;
    if (peer === null) throw new Error('handshake before open');
    const identity = await performHandshake(peer, {
      timeoutMs: Math.max(1, startTimeoutOf(this.tool) - elapsedMs),
      signal: this.aborter.signal,
      probe: this.tool.transport === 'sse' ? 'legacy' : probe,
      probeSilenceMs: isLauncher(this.tool.command) ? LAUNCHER_PROBE_SILENCE_MS : PROBE_SILENCE_MS,
      ...(transport instanceof StdioTransport ? { firstByte: transport.firstByte } : {}),
    }).catch((error: unknown) => {
      throw this.saidOnlyNoise(error) ? this.onlyNoise() : error;
    });
    this.identity = this.mask.applyToJson(identity);
    return this.identity;
  }

  /**
   * Measures one round trip: `ping` for a legacy server, `server/discover` for a modern one (which knows no ping). An error
   * is an answer too; without any, the figure of before stays.
   */
  async measurePing(): Promise<void> {
    const { peer, identity } = this;
    if (peer === null || identity === null) return;
    const method = identity.era === 'legacy' ? 'ping' : 'server/discover';
    const began = performance.now();
    const answered = await peer
      .request({ method, timeoutMs: this.tool.timeoutMs, client: 'mcps', sessionId: null })
      .catch((error: unknown) => {
        if (!(error instanceof RpcCallError)) throw error;
      })
      .then(
        () => true,
        () => false,
      );
    if (answered) this.pingMs = Math.round((performance.now() - began) * 100) / 100;
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

  private async doOpen(stderr: StderrRing): Promise<void> {
    const { refusal } = this.tool;
    if (refusal) throw new SpawnError(refusal.code, refusal.message, true, refusal.hint);
    this.transport = this.tool.transport === 'stdio' ? await this.startProgram(stderr) : this.remoteTransport();
    const { sink, clientInfo } = this.surroundings;
    this.peer = new McpPeer({ transport: this.transport, sink, tool: this.shown, clientInfo });
    await this.peer.open(this.aborter.signal);
  }

  private async doClose(): Promise<void> {
    this.aborter.abort();
    // A start under way comes to its end first, so that a process can't appear after we have looked.
    await this.opening?.catch(() => undefined);
    await this.peer?.close();
    this.remoteClosed = true;
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
    });
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
      : new TransportError('remote_timeout', `The server did not answer within ${limitMs} ms`);
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
