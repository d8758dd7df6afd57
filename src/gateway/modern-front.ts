import { Injectable } from '@nestjs/common';
import type { ClientMessage } from '../mcp/client-message';
import { RPC_CODES } from '../mcp/json-rpc.types';
import { LEGACY_VERSIONS } from '../mcp/revisions';
import { RpcRefusal } from '../mcp/rpc-answers';
import { ExchangeDesk } from './exchange-desk';
import type { Endpoint, GatewayRequest } from './gateway.types';
import { writeEmpty } from './http-answers';
import { ModernClient } from './modern-client';
import { ModernExchange } from './modern-exchange';
import { checkModernRequest } from './modern-headers';
import { OpenStreams } from './open-streams';

/** Streamable HTTP without sessions: 2026-07-28. */
@Injectable()
export class ModernFront {
  constructor(
    private readonly desk: ExchangeDesk,
    private readonly streams: OpenStreams,
  ) {}

  /** Whether a message speaks the modern era: by its envelope, or (where that was forgotten) by its version header. */
  speaks({ headers }: GatewayRequest['request'], message: ClientMessage): boolean {
    if (message.modernVersion !== undefined) return true;
    const version = headers['mcp-protocol-version'];
    if (version === undefined || message.method === 'initialize') return false;
    return headers['mcp-session-id'] === undefined && !LEGACY_VERSIONS.includes(String(version));
  }

  post(to: GatewayRequest, endpoint: Endpoint, message: ClientMessage): void {
    const { principal } = to;
    if (message.kind === 'response' || message.kind === 'error')
      throw new RpcRefusal(RPC_CODES.invalidRequest, 'No request was sent that could be answered');
    checkModernRequest(to.request.headers, message);
    const client = new ModernClient(principal, message);
    if (message.kind === 'notification') {
      // To give a request up is to hang up; nothing else is to be told without a session.
      writeEmpty(to, 202);
      return;
    }
    this.desk.assertMay(null, { principal, message });
    const exchange = new ModernExchange(client, message, this.desk.ownerFor(endpoint), to, this.streams);
    // Hanging up is the cancel (2026-07-28, basic/cancellation; F37).
    to.response.once('close', () => exchange.cancel('The client hung up'));
    this.desk.begin(endpoint, exchange);
  }
}
