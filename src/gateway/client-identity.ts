import {
  isRecord,
  META_CLIENT_CAPABILITIES,
  META_CLIENT_INFO,
  META_LOG_LEVEL,
  META_PROTOCOL_VERSION,
} from '../mcp/call-params';
import type { ClientMessage } from '../mcp/client-message';
import { NEWEST_MODERN_VERSION } from '../mcp/revisions';

const MAX_CLIENT_NAME = 100;
/** Identities that are shared; all are forgotten when there are more. */
const MAX_SHARED = 500;
/** What is larger, in characters, is not worth to be kept for others. */
const MAX_SHARED_CHARACTERS = 2_000;
const shared = new Map<string, ClientIdentity>();

/** What a client says of itself in `initialize`: the same for all sessions of a program, so that they share it. */
export class ClientIdentity {
  /** Null: it gives itself no name. */
  readonly name: string | null;
  readonly version: string | null;
  private plainEnvelope: string | null = null;

  private constructor(
    private readonly clientInfo: unknown,
    readonly capabilities: Readonly<Record<string, unknown>>,
  ) {
    const info = isRecord(clientInfo) ? clientInfo : {};
    this.name = typeof info.name === 'string' ? info.name.slice(0, MAX_CLIENT_NAME) : null;
    this.version = typeof info.version === 'string' ? info.version.slice(0, MAX_CLIENT_NAME) : null;
  }

  static of({ params }: ClientMessage): ClientIdentity {
    const clientInfo = params?.clientInfo ?? null;
    const capabilities = isRecord(params?.capabilities) ? params.capabilities : {};
    const key = JSON.stringify([clientInfo, capabilities]);
    const known = shared.get(key);
    if (known !== undefined) return known;
    const identity = new ClientIdentity(clientInfo, Object.freeze(capabilities));
    if (key.length > MAX_SHARED_CHARACTERS) return identity;
    if (shared.size >= MAX_SHARED) shared.clear();
    shared.set(key, identity);
    return identity;
  }

  /** `_meta` members, without braces, by which a server of the modern era is told who asks. */
  envelope(logLevel: string | null): string {
    if (logLevel !== null) return this.envelopeWith({ [META_LOG_LEVEL]: logLevel });
    this.plainEnvelope ??= this.envelopeWith({});
    return this.plainEnvelope;
  }

  private envelopeWith(more: Record<string, unknown>): string {
    // Tasks are not the same in the modern era.
    const { tasks: _tasks, ...capabilities } = this.capabilities;
    const members: Record<string, unknown> = {
      [META_PROTOCOL_VERSION]: NEWEST_MODERN_VERSION,
      [META_CLIENT_CAPABILITIES]: capabilities,
    };
    if (isRecord(this.clientInfo)) members[META_CLIENT_INFO] = this.clientInfo;
    return JSON.stringify({ ...members, ...more }).slice(1, -1);
  }
}
