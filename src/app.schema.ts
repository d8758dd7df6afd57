import { CreateTools1763800000000 } from '../migrations/1763800000000-create-tools';
import { CreateIdentity1763800001000 } from '../migrations/1763800001000-create-identity';
import { CreateLogs1763800002000 } from '../migrations/1763800002000-create-logs';
import { CreateMetricPoints1763800003000 } from '../migrations/1763800003000-create-metric-points';
import { CreateRefreshTokens1763800004000 } from '../migrations/1763800004000-create-refresh-tokens';
import { CreateApiKeys1763800005000 } from '../migrations/1763800005000-create-api-keys';
import { CreateSecretKeys1763800006000 } from '../migrations/1763800006000-create-secret-keys';
import { MoveLogsToAFileOfTheirOwn1763800007000 } from '../migrations/1763800007000-move-logs-to-a-file-of-their-own';
import { IndexLogs1763800007001 } from '../migrations/1763800007001-index-logs';
import { CreateSettings1763900000000 } from '../migrations/1763900000000-create-settings';
import { CreateJobRuns1763900001000 } from '../migrations/1763900001000-create-job-runs';
import { CreateLogRollups1764100000000 } from '../migrations/1764100000000-create-log-rollups';
import { IndexOperationsByTime1764100001000 } from '../migrations/1764100001000-index-operations-by-time';
import { CreateOperationAnchors1764400000000 } from '../migrations/1764400000000-create-operation-anchors';
import { LetToolsFollowTheSettings1764600000000 } from '../migrations/1764600000000-let-tools-follow-the-settings';
import { CreateLogTables1763800007000 } from '../migrations/logs/1763800007000-create-log-tables';
import { CreateLogRollups1764100000000 as CreateLogRollupsInFile } from '../migrations/logs/1764100000000-create-log-rollups';
import { PackMessages1764700000000 } from '../migrations/logs/1764700000000-pack-messages';
import { OperationAnchor } from './audit/operation-anchor.entity';
import { Operation } from './audit/operation.entity';
import { ApiKey } from './auth/api-key.entity';
import { RefreshToken } from './auth/refresh-token.entity';
import { Session } from './auth/session.entity';
import { User } from './auth/user.entity';
import type { Schema } from './database/data-source';
import { logRollupEntity, logRollupMarkEntity, mcpRollupEntity } from './logs/log-rollup.entity';
import { messageChunkEntity, messageChunkKeyEntity } from './logs/message-chunk.entity';
import { logClockEntity, mcpLogEntity, mcpLogNameEntity } from './logs/mcp-log.entity';
import { systemLogEntity } from './logs/system-log.entity';
import { SecretKeyRecord } from './database/secret-key.entity';
import { MetricPointRow } from './metrics/metric-point.entity';
import { JobRun } from './scheduler/job-run.entity';
import { SettingRow } from './settings/setting.entity';
import { ToolOffering } from './tools/tool-offering.entity';
import { Tool } from './tools/tool.entity';

/** All tables of the application and the migrations that make them, oldest first. */
export const SCHEMA: Schema = {
  entities: [
    SecretKeyRecord,
    Tool,
    ToolOffering,
    User,
    Session,
    RefreshToken,
    ApiKey,
    Operation,
    OperationAnchor,
    MetricPointRow,
    SettingRow,
    JobRun,
  ],
  migrations: [
    CreateTools1763800000000,
    CreateIdentity1763800001000,
    CreateLogs1763800002000,
    CreateMetricPoints1763800003000,
    CreateRefreshTokens1763800004000,
    CreateApiKeys1763800005000,
    CreateSecretKeys1763800006000,
    MoveLogsToAFileOfTheirOwn1763800007000,
    IndexLogs1763800007001,
    CreateSettings1763900000000,
    CreateJobRuns1763900001000,
    CreateLogRollups1764100000000,
    IndexOperationsByTime1764100001000,
    CreateOperationAnchors1764400000000,
    LetToolsFollowTheSettings1764600000000,
  ],
  sealed: [{ entity: Tool, id: 'id', maps: ['env', 'headers'] }],
  logs: {
    entities: (database) => [
      ...(database === 'sqlite' ? [messageChunkEntity(), messageChunkKeyEntity()] : [mcpLogEntity()]),
      mcpLogNameEntity(),
      logClockEntity(),
      systemLogEntity(database),
      logRollupEntity(),
      mcpRollupEntity(),
      logRollupMarkEntity(),
    ],
    migrations: [CreateLogTables1763800007000, CreateLogRollupsInFile, PackMessages1764700000000],
  },
};
