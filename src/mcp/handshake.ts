import { isRecord, META_SERVER_INFO, modernEnvelope } from './call-params';
import { RPC_CODES, type RpcError, type RpcParams } from './json-rpc.types';
import type { McpPeer } from './mcp-peer';
import {
  CallCancelledError,
  CallNotDeliveredError,
  CallTimeoutError,
  HandshakeError,
  PeerCallError,
  PeerClosedError,
  RpcCallError,
} from './peer.errors';
import { OWN_CLIENT, type ProtocolEra } from './peer.types';
import {
  commonVersion,
  LEGACY_VERSIONS,
  MODERN_VERSIONS,
  NEWEST_LEGACY_VERSION,
  NEWEST_MODERN_VERSION,
} from './revisions';
import { TransportError } from './transport.types';

/** Who answered, and by which rules it is spoken to from now on. */
export interface ServerIdentity {
  era: ProtocolEra;
  protocolVersion: string;
  serverInfo: ServerInfo | null;
  capabilities: Record<string, unknown>;
  instructions: string | null;
  /** All revisions it says that it speaks; of a legacy server the one that was agreed on. */
  supportedVersions: readonly string[];
  /** Its whole answer to `initialize` or `server/discover`: what we don't know is passed on to clients as well. */
  result: Record<string, unknown>;
}

export interface ServerInfo {
  name: string;
  version: string;
  [member: string]: unknown;
}

export interface HandshakeOptions {
  /** For all of it. */
  timeoutMs: number;
  signal: AbortSignal;
  /** `auto` asks `server/discover` first and falls back to `initialize`; the others try one era only. */
  probe: 'auto' | ProtocolEra;
  /** How long the probe may stay unanswered, from the start or from the first byte; default 3000. */
  probeSilenceMs?: number;
  /** Resolves when the server has written its first byte: a slow launcher gets its silence counted from there. */
  firstByte?: Promise<void>;
  /** The client's own parameters of `initialize`; then its `notifications/initialized` will come from itself as well. */
  initialize?: RpcParams;
}

const DEFAULT_PROBE_SILENCE_MS = 3000;
const MODERN_ERROR_CODES: ReadonlySet<number> = new Set([
  RPC_CODES.headerMismatch,
  RPC_CODES.missingRequiredClientCapability,
  RPC_CODES.unsupportedProtocolVersion,
]);
/** Answers of an HTTP server that does not know the modern request; every other status says nothing about its era. */
const LEGACY_STATUSES: ReadonlySet<number | undefined> = new Set([400, 404, 405]);

/**
 * Agrees on a revision with a server that has just been connected, and tells `peer` (2026-07-28 basic/versioning and
 * 2025-11-25 basic/lifecycle).
 *
 * Throws a HandshakeError, or the TransportError of a remote that could not be asked (refused, 401, 403, 5xx ...).
 */
export async function performHandshake(peer: McpPeer, options: HandshakeOptions): Promise<ServerIdentity> {
  const controller = new AbortController();
  const abort = (): void => controller.abort(new HandshakeError('handshake_aborted', 'The handshake was aborted'));
  if (options.signal.aborted) abort();
  options.signal.addEventListener('abort', abort, { once: true });
  const timer = setTimeout(
    () =>
      controller.abort(
        new HandshakeError(
          'handshake_timeout',
          `No agreement on a protocol revision within ${Math.round(options.timeoutMs)} ms`,
          {
            kind: 'upstream-timeout',
          },
        ),
      ),
    options.timeoutMs,
  );
  try {
    return await new Handshake(peer, options, controller.signal).run();
  } catch (error) {
    throw controller.signal.aborted ? controller.signal.reason : publicError(error);
  } finally {
    clearTimeout(timer);
    options.signal.removeEventListener('abort', abort);
    // Ends a probe that is still unanswered.
    controller.abort();
  }
}

type ProbeVerdict = { is: 'modern'; identity: ServerIdentity } | { is: 'legacy' };

class Handshake {
  constructor(
    private readonly peer: McpPeer,
    private readonly options: HandshakeOptions,
    private readonly signal: AbortSignal,
  ) {}

  async run(): Promise<ServerIdentity> {
    if (this.options.probe === 'legacy') return this.initialize();
    const probe = this.discover(NEWEST_MODERN_VERSION);
    if (this.options.probe === 'modern') return this.settle(await probe);
    const silence = this.silence();
    const first = await Promise.race([probe, silence.over]).finally(silence.stop);
    if (first) return first.is === 'modern' ? this.settle(first) : this.initialize();
    return this.initializeUnlessModern(probe);
  }

  /**
   * Silence is no verdict: a slow server reads the probe together with `initialize`. A modern answer that comes late still
   * wins, since one process must not be spoken to by both rules.
   */
  private async initializeUnlessModern(probe: Promise<ProbeVerdict>): Promise<ServerIdentity> {
    const initialized = this.requestInitialize();
    const lateModern = probe.then((verdict) => (verdict.is === 'modern' ? verdict : initialized.then(() => null)));
    // The loser of the race may still reject; the winner has told the story.
    lateModern.catch(() => undefined);
    initialized.catch(() => undefined);
    const winner = await Promise.race([initialized, lateModern]);
    if (winner && 'is' in winner) return this.settle(winner);
    return this.finishInitialize(await initialized);
  }

  private settle(verdict: ProbeVerdict): ServerIdentity {
    if (verdict.is === 'legacy') {
      throw new HandshakeError('protocol_mismatch', `The server does not speak ${MODERN_VERSIONS.join(', ')}`);
    }
    this.peer.setEra(verdict.identity);
    return verdict.identity;
  }

  /** `refused`: the version that was refused before, so that a server can't keep us asking. */
  private async discover(version: string, refused?: string): Promise<ProbeVerdict> {
    let result: unknown;
    try {
      result = await this.ask('server/discover', { _meta: modernEnvelope(version, this.peer.clientInfo) });
    } catch (error) {
      return this.verdictOnError(error, version, refused);
    }
    if (!isRecord(result) || !Array.isArray(result.supportedVersions)) {
      // Some legacy servers answer any unknown method with an empty result.
      if (this.options.probe === 'auto') return { is: 'legacy' };
      throw new HandshakeError('not_mcp', 'The answer to server/discover names no supportedVersions');
    }
    const supported: unknown[] = result.supportedVersions;
    const protocolVersion = commonVersion(MODERN_VERSIONS, supported);
    if (protocolVersion) return { is: 'modern', identity: modernIdentity(result, protocolVersion) };
    if (commonVersion(LEGACY_VERSIONS, supported)) return { is: 'legacy' };
    throw mismatch(supported);
  }

  private verdictOnError(error: unknown, tried: string, refused?: string): ProbeVerdict | Promise<ProbeVerdict> {
    if (error instanceof RpcCallError) {
      if (MODERN_ERROR_CODES.has(error.rpcError.code)) return this.verdictOnModernError(error.rpcError, tried, refused);
      return { is: 'legacy' };
    }
    if (error instanceof CallNotDeliveredError && LEGACY_STATUSES.has(error.end.status)) return { is: 'legacy' };
    if (error instanceof PeerClosedError) {
      throw new HandshakeError(
        'closed_during_probe',
        `The server ended the connection at server/discover: ${error.end.message}`,
        {
          cause: error,
          extra: { reason: error.end.code },
        },
      );
    }
    throw error;
  }

  /** Only modern servers know these codes: there is nothing to fall back to, unless the error itself names a version. */
  private verdictOnModernError(error: RpcError, tried: string, refused?: string): ProbeVerdict | Promise<ProbeVerdict> {
    const refusal = `The server refused server/discover with error ${error.code}: ${error.message}`;
    if (error.code !== RPC_CODES.unsupportedProtocolVersion) throw new HandshakeError('protocol_mismatch', refusal);
    const supported: unknown[] =
      isRecord(error.data) && Array.isArray(error.data.supported) ? error.data.supported : [];
    const other = commonVersion(MODERN_VERSIONS, supported);
    // A server that names the very version it has just refused is taken at its word, once.
    if (other !== undefined && other !== refused) return this.discover(other, tried);
    if (other === undefined && commonVersion(LEGACY_VERSIONS, supported)) return { is: 'legacy' };
    throw other === undefined ? mismatch(supported) : new HandshakeError('protocol_mismatch', refusal);
  }

  private async initialize(): Promise<ServerIdentity> {
    return this.finishInitialize(await this.requestInitialize());
  }

  private async requestInitialize(): Promise<ServerIdentity> {
    const own = { protocolVersion: NEWEST_LEGACY_VERSION, capabilities: {}, clientInfo: this.peer.clientInfo };
    const params = this.options.initialize ?? own;
    const result = await this.ask('initialize', params).catch((error: unknown) => {
      throw error instanceof RpcCallError ? refusedInitialize(error) : error;
    });
    if (!isRecord(result) || typeof result.protocolVersion !== 'string') {
      throw new HandshakeError('not_mcp', 'The answer to initialize names no protocolVersion');
    }
    if (!LEGACY_VERSIONS.includes(result.protocolVersion)) throw mismatch([result.protocolVersion]);
    return {
      era: 'legacy',
      protocolVersion: result.protocolVersion,
      serverInfo: serverInfoOf(result.serverInfo),
      capabilities: isRecord(result.capabilities) ? result.capabilities : {},
      instructions: textOrNull(result.instructions),
      supportedVersions: [result.protocolVersion],
      result,
    };
  }

  private finishInitialize(identity: ServerIdentity): ServerIdentity {
    this.peer.setEra(identity);
    if (this.options.initialize === undefined)
      this.peer.notify('notifications/initialized', undefined, { client: OWN_CLIENT, sessionId: null });
    return identity;
  }

  private ask(method: string, params: RpcParams): Promise<unknown> {
    const { timeoutMs } = this.options;
    return this.peer.request({ method, params, timeoutMs, client: OWN_CLIENT, sessionId: null, signal: this.signal });
  }

  /** Resolves to undefined when the probe has been silent for too long; the first byte starts the count again. */
  private silence(): { over: Promise<undefined>; stop: () => void } {
    // However short the budget is, half of it is left for `initialize`.
    const silenceMs = Math.min(this.options.probeSilenceMs ?? DEFAULT_PROBE_SILENCE_MS, this.options.timeoutMs / 2);
    let timer: NodeJS.Timeout | undefined;
    let isStopped = false;
    const over = new Promise<undefined>((resolve) => {
      const begin = (): void => {
        clearTimeout(timer);
        if (!isStopped) timer = setTimeout(() => resolve(undefined), silenceMs);
      };
      begin();
      void this.options.firstByte?.then(begin);
    });
    const stop = (): void => {
      isStopped = true;
      clearTimeout(timer);
    };
    return { over, stop };
  }
}

function modernIdentity(result: Record<string, unknown>, protocolVersion: string): ServerIdentity {
  if (!isRecord(result.capabilities)) {
    throw new HandshakeError('not_mcp', 'The answer to server/discover names no capabilities');
  }
  const meta = isRecord(result._meta) ? result._meta : {};
  return {
    era: 'modern',
    protocolVersion,
    // Drafts of the revision had it as a member of the result.
    serverInfo: serverInfoOf(meta[META_SERVER_INFO] ?? result.serverInfo),
    capabilities: result.capabilities,
    instructions: textOrNull(result.instructions),
    supportedVersions: Array.isArray(result.supportedVersions) ? result.supportedVersions.filter(isText) : [],
    result,
  };
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function serverInfoOf(value: unknown): ServerInfo | null {
  if (!isRecord(value) || typeof value.name !== 'string') return null;
  return { ...value, name: value.name, version: typeof value.version === 'string' ? value.version : '' };
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function mismatch(theirs: readonly unknown[]): HandshakeError {
  const named = theirs.filter((version) => typeof version === 'string').join(', ') || 'no known revision';
  const ours = [...MODERN_VERSIONS, ...LEGACY_VERSIONS].join(', ');
  return new HandshakeError('protocol_mismatch', `The server speaks ${named.slice(0, 200)}; MCPS.ONE speaks ${ours}`);
}

function refusedInitialize(error: RpcCallError): HandshakeError {
  const { code, message, data } = error.rpcError;
  if (isRecord(data) && Array.isArray(data.supported)) return mismatch(data.supported);
  const code_ = code === RPC_CODES.unsupportedProtocolVersion ? 'protocol_mismatch' : 'handshake_refused';
  return new HandshakeError(code_, `The server refused initialize with error ${code}: ${message}`, {
    cause: error,
    extra: { rpcError: error.rpcError },
  });
}

/** What the supervisor gets to see: the reason itself, not the call it ended. */
function publicError(error: unknown): unknown {
  if (error instanceof CallNotDeliveredError) {
    return new TransportError(error.end.code, error.end.message, { cause: error, status: error.end.status });
  }
  if (error instanceof PeerClosedError) {
    return new HandshakeError('closed_during_handshake', `The server ended the connection: ${error.end.message}`, {
      cause: error,
      extra: { reason: error.end.code },
    });
  }
  if (error instanceof CallTimeoutError) {
    return new HandshakeError('handshake_timeout', error.message, { kind: 'upstream-timeout', cause: error });
  }
  if (error instanceof CallCancelledError) return new HandshakeError('handshake_aborted', 'The handshake was aborted');
  if (error instanceof PeerCallError) return new HandshakeError('not_mcp', error.message, { cause: error });
  return error;
}
