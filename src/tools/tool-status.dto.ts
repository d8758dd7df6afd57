import { ApiProperty } from '@nestjs/swagger';
import { TOOL_STATES, type ToolState } from '../supervisor/tool-snapshot';
import { DESIRED_STATES, type DesiredState } from './tool-definition.types';

export class ServerInfoView {
  name: string;
  version: string;
}

/** Why a tool is not as it should be. */
export class ToolProblemView {
  /** @example "command_not_found" */
  code: string;
  message: string;
  /** What to do about it */
  hint: string;
  @ApiProperty({ format: 'date-time' })
  at: string;
}

export class ToolExitView {
  code: number | null;
  signal: string | null;
  @ApiProperty({ format: 'date-time' })
  at: string;
}

/** What went wrong below the calls, in the session that runs or in the last one. */
export class ToolCountersView {
  /** Lines on standard output that are no MCP message */
  @ApiProperty({ type: 'integer' })
  noise: number;
  /** Messages over MCP_MAX_MESSAGE_BYTES; each failed the call it answered */
  @ApiProperty({ type: 'integer' })
  oversized: number;
  /** Answers that came after their call had ended */
  @ApiProperty({ type: 'integer' })
  late: number;
  /** Answers to nothing that was asked, and requests that no client takes */
  @ApiProperty({ type: 'integer' })
  unknown: number;
  /** Characters on standard error that were dropped because the program writes too fast */
  @ApiProperty({ type: 'integer' })
  stderrDropped: number;
}

/** A tool at this moment. */
export class ToolStatusView {
  @ApiProperty({ enum: TOOL_STATES, enumName: 'ToolState' })
  state: ToolState;
  /** What was asked for; survives a restart of MCPS.ONE */
  @ApiProperty({ enum: DESIRED_STATES, enumName: 'DesiredState' })
  desired: DesiredState;
  pid: number | null;
  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  startedAt: string | null;
  uptimeSeconds: number | null;
  /** Restarts after failures since the last explicit start */
  restarts: number;
  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  nextRetryAt: string | null;
  /** It runs on an older definition than the stored one */
  restartRequired: boolean;
  protocolVersion: string | null;
  @ApiProperty({ type: () => ServerInfoView, nullable: true })
  serverInfo: ServerInfoView | null;
  /** Of the whole process group, in percent of one core */
  cpuPercent: number | null;
  /** Of the whole process group */
  memoryBytes: number | null;
  /** How many processes the group has */
  processes: number;
  pingMs: number | null;
  /** When the server last said something */
  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  lastSeenAt: string | null;
  /** Requests without an answer yet */
  inFlight: number;
  counters: ToolCountersView;
  @ApiProperty({ type: () => ToolProblemView, nullable: true })
  lastError: ToolProblemView | null;
  @ApiProperty({ type: () => ToolExitView, nullable: true })
  lastExit: ToolExitView | null;
}
