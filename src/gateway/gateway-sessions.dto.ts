import { ApiProperty } from '@nestjs/swagger';

export class GatewaySessionClientView {
  /** As the MCP client calls itself */
  name: string;
  @ApiProperty({ type: String, nullable: true })
  version: string | null;
}

export class GatewaySessionPrincipalView {
  @ApiProperty({ enum: ['user', 'apiKey'] })
  type: 'user' | 'apiKey';
  id: string;
  name: string;
}

/** One MCP client that keeps a session at the gateway */
export class GatewaySessionView {
  id: string;
  /** The tool; `*` for all of them */
  tool: string;
  /** Whose user or API key it came with */
  principal: GatewaySessionPrincipalView;
  client: GatewaySessionClientView;
  protocolVersion: string;
  @ApiProperty({ enum: ['http', 'sse'] })
  transport: 'http' | 'sse';
  @ApiProperty({ format: 'date-time' })
  startedAt: string;
  /** Seconds since it was last heard */
  idleSeconds: number;
  /** Requests since it began */
  requests: number;
  /** Requests that wait for their answers */
  inFlight: number;
}

export class GatewaySessionPageView {
  items: GatewaySessionView[];
  /** Pass it as `cursor` for the next page; null on the last */
  @ApiProperty({ type: String, nullable: true })
  nextCursor: string | null;
  total: number;
}
