import { CreateTools1763800000000 } from '../migrations/1763800000000-create-tools';
import { CreateIdentity1763800001000 } from '../migrations/1763800001000-create-identity';
import { CreateLogs1763800002000 } from '../migrations/1763800002000-create-logs';
import { MoveLogsToAFileOfTheirOwn1763800007000 } from '../migrations/1763800007000-move-logs-to-a-file-of-their-own';
import { IndexLogs1763800007001 } from '../migrations/1763800007001-index-logs';
import { CreateLogTables1763800007000 } from '../migrations/logs/1763800007000-create-log-tables';
import { Operation } from './audit/operation.entity';
import { Session } from './auth/session.entity';
import { User } from './auth/user.entity';
import type { Schema } from './database/data-source';
import { logClockEntity, mcpLogEntity, mcpLogNameEntity } from './logs/mcp-log.entity';
import { systemLogEntity } from './logs/system-log.entity';
import { ToolOffering } from './tools/tool-offering.entity';
import { Tool } from './tools/tool.entity';

/** All tables of the application and the migrations that make them, oldest first. */
export const SCHEMA: Schema = {
  entities: [Tool, ToolOffering, User, Session, Operation],
  migrations: [
    CreateTools1763800000000,
    CreateIdentity1763800001000,
    CreateLogs1763800002000,
    MoveLogsToAFileOfTheirOwn1763800007000,
    IndexLogs1763800007001,
  ],
  logs: {
    entities: (database) => [mcpLogEntity(database), mcpLogNameEntity(), logClockEntity(), systemLogEntity(database)],
    migrations: [CreateLogTables1763800007000],
  },
};
