import type { Principal } from '../auth/principal';
import { isRecord, META_CLIENT_CAPABILITIES, META_CLIENT_INFO, META_LOG_LEVEL } from '../mcp/call-params';
import type { ClientMessage } from '../mcp/client-message';
import type { GatewayClient } from './gateway.types';

const MAX_CLIENT_NAME = 100;

/** Who asks in the modern era: each request says it anew, nothing of it is kept. */
export class ModernClient implements GatewayClient {
  readonly era = 'modern';
  readonly sessionId = null;
  readonly envelope = '';
  readonly name: string;
  readonly logLevel: string | null;
  readonly capabilities: Readonly<Record<string, unknown>>;

  constructor(
    readonly principal: Principal,
    { meta = {} }: ClientMessage,
  ) {
    const info = meta[META_CLIENT_INFO];
    this.name = isRecord(info) && typeof info.name === 'string' ? info.name.slice(0, MAX_CLIENT_NAME) : principal.name;
    const level = meta[META_LOG_LEVEL];
    this.logLevel = typeof level === 'string' ? level : null;
    const capabilities = meta[META_CLIENT_CAPABILITIES];
    this.capabilities = isRecord(capabilities) ? capabilities : {};
  }

  push(): void {
    // There is no connection but those of its requests.
  }
}
