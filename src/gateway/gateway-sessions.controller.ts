import { Controller, Delete, Get, HttpCode, Param, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Audited } from '../audit/audited.decorator';
import { RequireRole } from '../auth/access.decorator';
import { toTimestamp } from '../common/clock';
import { PageQuery } from '../common/page.dto';
import { decodeCursor, encodeCursor, toPage } from '../common/pagination';
import { noteTarget } from '../common/request-context';
import { SessionUnknownError } from './gateway.errors';
import type { GatewaySession } from './gateway-session';
import { GatewaySessions } from './gateway-sessions';
import { GatewaySessionPageView, type GatewaySessionView } from './gateway-sessions.dto';

const LIST = 'gateway-sessions';

@ApiTags('Gateway')
@Controller('gateway/sessions')
@RequireRole('admin')
export class GatewaySessionsController {
  constructor(private readonly sessions: GatewaySessions) {}

  /** List who is connected to the gateway, newest first; clients of 2026-07-28 keep no session */
  @Get()
  @ApiOperation({ operationId: 'listGatewaySessions' })
  list(@Query() { limit, cursor }: PageQuery): GatewaySessionPageView {
    const before = cursor === undefined ? Infinity : decodeCursor(LIST, cursor, 'number');
    const rows = this.sessions.list().filter(({ number }) => number < before);
    rows.sort((a, b) => b.number - a.number);
    const page = toPage(rows.slice(0, limit + 1), limit, ({ number }) => encodeCursor(LIST, number));
    return { ...page, items: page.items.map(toView), total: this.sessions.count };
  }

  /** End a session; its client has to begin a new one */
  @Delete(':id')
  @HttpCode(204)
  @Audited('gateway-session.end')
  @ApiOperation({ operationId: 'endGatewaySession' })
  end(@Param('id') id: string): void {
    const session = this.sessions.get(id);
    if (session === undefined) throw new SessionUnknownError();
    noteTarget({ type: 'gateway-session', id, name: session.name });
    session.end();
  }
}

function toView(session: GatewaySession): GatewaySessionView {
  const { sessionId, endpoint, principal, name, clientVersion, protocolVersion, transport, startedAt } = session;
  return {
    ...{ id: sessionId, tool: endpoint.name, protocolVersion, transport, requests: session.requests },
    principal: { type: principal.type, id: principal.id, name: principal.name },
    client: { name, version: clientVersion },
    startedAt: toTimestamp(startedAt),
    idleSeconds: Math.floor((performance.now() - session.lastSeenAt) / 1000),
    inFlight: session.inFlight,
  };
}
