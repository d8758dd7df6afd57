import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module';
import { AuthModule } from '../auth/auth.module';
import { LimitsModule } from '../limits/limits.module';
import { McpModule } from '../mcp/mcp.module';
import { ToolsModule } from '../tools/tools.module';
import { takeRoom } from './body-room';
import { ExchangeDesk } from './exchange-desk';
import { GatewayAccess } from './gateway-access';
import { GatewayCounters } from './gateway-counters';
import { GatewayDoor } from './gateway-door';
import { GatewayEndpoints } from './gateway-endpoints';
import { GatewayFront } from './gateway-front';
import { GatewayLimits } from './gateway-limits';
import { GatewaySessions } from './gateway-sessions';
import { GatewaySurroundings } from './gateway-surroundings';
import { GatewaySessionsController } from './gateway-sessions.controller';
import { JointEndpoint } from './joint-endpoint';
import { JointLists } from './joint-lists';
import { LegacyFront } from './legacy-front';
import { ModernFront } from './modern-front';
import { OpenStreams } from './open-streams';
import { SseFront } from './sse-front';

/**
 * Owns: the MCP endpoints for clients: the raw HTTP handler, sessions and their streams, who may come in, limits, counters;
 * who hears what a shared server says, and who has a server alone.
 * Does not own: the protocol (mcp/: relays between the eras), processes (supervisor/), which tools there are (tools/).
 *
 * Where things hook in:
 * - another way between clients and servers (a bridge between eras): a `Relay` in mcp/, chosen in tool-endpoint.ts;
 * - another thing behind a URL (all tools in one): an `Endpoint`, set as `GatewayEndpoints.all`;
 * - another dialect of HTTP: a front beside legacy-front.ts, chosen in gateway-front.ts.
 */
@Module({
  imports: [AuditModule, AuthModule, LimitsModule, McpModule, ToolsModule],
  controllers: [GatewaySessionsController],
  providers: [
    ExchangeDesk,
    GatewayAccess,
    GatewayCounters,
    GatewayDoor,
    GatewayEndpoints,
    GatewayFront,
    GatewayLimits,
    GatewaySessions,
    GatewaySurroundings,
    JointEndpoint,
    JointLists,
    LegacyFront,
    ModernFront,
    OpenStreams,
    SseFront,
  ],
  exports: [GatewayCounters, GatewaySessions, GatewayEndpoints],
})
export class GatewayModule {
  constructor(
    door: GatewayDoor,
    front: GatewayFront,
    sessions: GatewaySessions,
    counters: GatewayCounters,
    { shutdown, maintenance, shedder, readings }: GatewaySurroundings,
  ) {
    shutdown.register({ name: 'the gateway', phase: 'refuse', run: () => door.close() });
    shutdown.register({ name: 'calls at the gateway', phase: 'drain', run: () => door.drain() });
    front.assertOpen = () => maintenance.assertOpen();
    front.takeRoom = (to, limitBytes) => takeRoom(shedder, to, limitBytes);
    readings.gateway = () => ({ sessions: sessions.count, inFlight: counters.inFlight });
  }
}
