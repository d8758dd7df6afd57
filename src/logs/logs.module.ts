import { Module } from '@nestjs/common';
import { Liveness } from '../availability/liveness';
import { AuthModule } from '../auth/auth.module';
import { DatabaseWriters } from '../database/database-writers';
import { LogStorage } from '../database/log-database';
import { McpModule } from '../mcp/mcp.module';
import { CleanupJobs } from './cleanup.job';
import { CleanupService } from './cleanup.service';
import { LogAgesRepository } from './log-ages.repository';
import { LogEntries } from './log-entries';
import { LogFeed } from './log-feed';
import { LogLevelSetting } from './log-level';
import { LogPruner } from './log-pruner';
import { ExportStreams } from './export-streams';
import { LogExportController } from './log-export.controller';
import { LogExportService } from './log-export.service';
import { LogFilters } from './log-filters';
import { LogSettling } from './log-settling';
import { LogStatsRepository } from './log-stats.repository';
import { LogStatsService } from './log-stats.service';
import { LogStorageRepository } from './log-storage.repository';
import { LogWriter } from './log-writer';
import { LogsController } from './logs.controller';
import { LogsService } from './logs.service';
import { McpLogRepository } from './mcp-log.repository';
import { Recorder } from './recorder.service';
import { Retention } from './retention.service';
import { SystemLogRepository } from './system-log.repository';
import { SystemLogWriter } from './system-log.writer';
import { ToolNames } from './tool-names';
import { openWriterThread } from './writer-line';

/**
 * Owns: the recorder of MCP messages, the system log in the database, their writer and its spool, roll-ups and
 * statistics, exports, the routes of all three logs, who is told of their rows as they are committed, how long they are kept.
 * Does not own: the operation log's writer (audit/), the relay that it listens to (mcp/).
 */
@Module({
  imports: [AuthModule, McpModule],
  controllers: [LogsController, LogExportController],
  providers: [
    {
      provide: LogWriter,
      inject: [LogStorage, DatabaseWriters],
      useFactory: (storage: LogStorage, writers: DatabaseWriters) => new LogWriter(openWriterThread(storage), writers),
    },
    CleanupJobs,
    CleanupService,
    LogAgesRepository,
    LogLevelSetting,
    LogPruner,
    LogsService,
    Retention,
    LogFilters,
    LogExportService,
    ExportStreams,
    LogSettling,
    LogStatsService,
    LogStatsRepository,
    LogStorageRepository,
    Recorder,
    SystemLogWriter,
    McpLogRepository,
    SystemLogRepository,
    ToolNames,
    LogEntries,
    LogFeed,
  ],
  exports: [Recorder, ToolNames, LogWriter, LogEntries, LogFeed],
})
export class LogsModule {
  constructor(writer: LogWriter, liveness: Liveness) {
    liveness.register({ name: 'log-writer', isBeating: () => !writer.isFailing });
  }
}
