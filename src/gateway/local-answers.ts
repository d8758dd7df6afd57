import { isRecord, META_SERVER_INFO } from '../mcp/call-params';
import type { ClientMessage } from '../mcp/client-message';
import type { ServerIdentity } from '../mcp/handshake';
import { RPC_CODES } from '../mcp/json-rpc.types';
import { attributionOf, PeerRecorder } from '../mcp/peer-recorder';
import { ANSWERED_OK } from '../mcp/relay.types';
import { LEGACY_VERSIONS, MODERN_VERSIONS, NEWEST_LEGACY_VERSION } from '../mcp/revisions';
import { resultAnswer, RpcRefusal } from '../mcp/rpc-answers';
import type { TrafficSink } from '../mcp/traffic';
import type { ToolSession } from '../supervisor/tool-session';
import type { ToolFacts } from '../tools/tool-catalogue';
import type { ClientExchange, InitializeAnswer, SessionClient } from './gateway.types';

/** All revisions that are spoken at an endpoint, whatever its server speaks. */
export const SUPPORTED_VERSIONS: readonly string[] = [...MODERN_VERSIONS, ...LEGACY_VERSIONS];

/** Methods that the modern era does not know (2026-07-28). */
const LEGACY_ONLY: ReadonlySet<string> = new Set([
  ...['initialize', 'ping', 'logging/setLevel', 'resources/subscribe', 'resources/unsubscribe'],
]);

/** What is answered from what the server said of itself when it was started. It is recorded as if the server had. */
export class LocalAnswers {
  private readonly recorder: PeerRecorder;
  private discovered: { session: ToolSession; result: string } | null = null;

  constructor(
    private readonly facts: () => ToolFacts,
    sink: TrafficSink,
  ) {
    const tool = {
      get id() {
        return facts().id;
      },
      get name() {
        return facts().name;
      },
      get recordPayloads() {
        return facts().recordPayloads;
      },
    };
    this.recorder = new PeerRecorder(sink, tool, Date.now);
  }

  /** `initialize` at a server that others use as well. */
  initialize(client: SessionClient, message: ClientMessage, { identity }: ToolSession): InitializeAnswer {
    if (identity === null) throw new Error('a server that is ready has said who it is');
    const protocolVersion = agreedVersion(message.params?.protocolVersion, identity);
    const result = legacyInitializeResult(identity, protocolVersion);
    this.record(client, message, resultAnswer(message.idText, result));
    return { result, protocolVersion };
  }

  /** Answers what need not be asked, or can't be; true: it did. */
  answers(session: ToolSession, exchange: ClientExchange): boolean {
    const { message, client } = exchange;
    if (client.era === 'legacy') return false;
    if (message.method === 'server/discover') {
      const answer = resultAnswer(message.idText, this.discoverResult(session));
      this.record(client, message, answer);
      exchange.answer(answer, ANSWERED_OK);
      return true;
    }
    if (!LEGACY_ONLY.has(message.method)) return false;
    exchange.fail(new RpcRefusal(RPC_CODES.methodNotFound, `Method not found: ${message.method}`));
    return true;
  }

  private discoverResult(session: ToolSession): string {
    if (this.discovered?.session === session) return this.discovered.result;
    const { identity } = session;
    const result = identity === null ? '{}' : discoverResultOf(identity, this.facts().name);
    this.discovered = { session, result };
    return result;
  }

  private record(
    client: { name: string | null; sessionId: string | null },
    message: ClientMessage,
    answer: string,
  ): void {
    const of = attributionOf(message.message, { client: client.name, sessionId: client.sessionId });
    const { id, text } = message;
    this.recorder.message('to-server', 'request', of, id, text, Buffer.byteLength(text));
    const ended = { outcome: 'ok' as const, durationMs: 0 };
    this.recorder.answer('from-server', 'response', of, id, ended, answer, Buffer.byteLength(answer));
  }
}

/** The older of what the client asks for and what the server speaks; for what we don't know the server's (2025-11-25, lifecycle). */
function agreedVersion(asked: unknown, identity: ServerIdentity): string {
  const servers = identity.era === 'legacy' ? identity.protocolVersion : NEWEST_LEGACY_VERSION;
  if (typeof asked !== 'string' || !LEGACY_VERSIONS.includes(asked)) return servers;
  return asked < servers ? asked : servers;
}

/** The result of `initialize`, as JSON; `protocolVersion` null: as the server said it, to its only client. */
export function legacyInitializeResult(identity: ServerIdentity, protocolVersion: string | null): string {
  if (protocolVersion === null) return JSON.stringify(identity.result);
  if (identity.era === 'legacy') {
    return JSON.stringify({
      ...identity.result,
      protocolVersion,
      capabilities: sharedCapabilities(identity.capabilities),
    });
  }
  const { serverInfo, instructions } = identity;
  return JSON.stringify({
    protocolVersion,
    capabilities: sharedCapabilities(identity.capabilities),
    serverInfo: serverInfo ?? { name: 'unknown', version: '' },
    ...(instructions === null ? {} : { instructions }),
  });
}

function discoverResultOf(identity: ServerIdentity, name: string): string {
  const { serverInfo, instructions } = identity;
  const base = identity.era === 'modern' ? identity.result : {};
  const given = isRecord(base._meta) ? base._meta : {};
  return JSON.stringify({
    ttlMs: 0,
    cacheScope: 'private',
    ...base,
    resultType: 'complete',
    supportedVersions: SUPPORTED_VERSIONS,
    capabilities: identity.era === 'modern' ? identity.capabilities : sharedCapabilities(identity.capabilities),
    ...(instructions === null ? {} : { instructions }),
    _meta: { ...given, [META_SERVER_INFO]: serverInfo ?? { name, version: '' } },
  });
}

/** Tasks and extensions are of one era, and tasks of one client: nobody may see those of others. */
function sharedCapabilities(capabilities: Record<string, unknown>): Record<string, unknown> {
  const { tasks: _tasks, extensions: _extensions, ...rest } = capabilities;
  return rest;
}
