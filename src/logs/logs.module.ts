import { Module } from '@nestjs/common';
import { DatabaseWriters } from '../database/database-writers';
import { LogStorage } from '../database/log-database';
import { McpModule } from '../mcp/mcp.module';
import { LogWriter } from './log-writer';
import { LogsController } from './logs.controller';
import { LogsService } from './logs.service';
import { McpLogRepository } from './mcp-log.repository';
import { Recorder } from './recorder.service';
import { SystemLogRepository } from './system-log.repository';
import { SystemLogWriter } from './system-log.writer';
import { ToolNames } from './tool-names';
import { openWriterThread } from './writer-line';

/**
 * Owns: the recorder of MCP messages, the system log in the database, their writer and its spool, the routes of all three
 * logs.
 * Does not own: the operation log's writer (audit/), the relay that it listens to (mcp/).
 */
@Module({
  imports: [McpModule],
  controllers: [LogsController],
  providers: [
    {
      provide: LogWriter,
      inject: [LogStorage, DatabaseWriters],
      useFactory: (storage: LogStorage, writers: DatabaseWriters) => new LogWriter(openWriterThread(storage), writers),
    },
    LogsService,
    Recorder,
    SystemLogWriter,
    McpLogRepository,
    SystemLogRepository,
    ToolNames,
  ],
  exports: [Recorder, ToolNames, LogWriter],
})
export class LogsModule {}
