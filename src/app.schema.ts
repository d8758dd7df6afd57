import { CreateTools1763800000000 } from '../migrations/1763800000000-create-tools';
import { CreateIdentity1763800001000 } from '../migrations/1763800001000-create-identity';
import { CreateLogs1763800002000 } from '../migrations/1763800002000-create-logs';
import { CreateMetricPoints1763800003000 } from '../migrations/1763800003000-create-metric-points';
import { Operation } from './audit/operation.entity';
import { Session } from './auth/session.entity';
import { User } from './auth/user.entity';
import type { Schema } from './database/data-source';
import { McpLogRow } from './logs/mcp-log.entity';
import { SystemLogRow } from './logs/system-log.entity';
import { MetricPointRow } from './metrics/metric-point.entity';
import { ToolOffering } from './tools/tool-offering.entity';
import { Tool } from './tools/tool.entity';

/** All tables of the application and the migrations that make them, oldest first. */
export const SCHEMA: Schema = {
  entities: [Tool, ToolOffering, User, Session, Operation, SystemLogRow, McpLogRow, MetricPointRow],
  migrations: [
    CreateTools1763800000000,
    CreateIdentity1763800001000,
    CreateLogs1763800002000,
    CreateMetricPoints1763800003000,
  ],
};
