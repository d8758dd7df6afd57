import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { McpModule } from '../mcp/mcp.module';
import { LogsController } from './logs.controller';
import { LogsService } from './logs.service';
import { McpLogRow } from './mcp-log.entity';
import { McpLogRepository } from './mcp-log.repository';
import { Recorder } from './recorder.service';
import { SystemLogRow } from './system-log.entity';
import { SystemLogRepository } from './system-log.repository';
import { SystemLogWriter } from './system-log.writer';

/**
 * Owns: the recorder of MCP messages, the system log in the database, the routes of all three logs.
 * Does not own: the operation log's writer (audit/), the relay that it listens to (mcp/).
 */
@Module({
  imports: [McpModule, TypeOrmModule.forFeature([McpLogRow, SystemLogRow])],
  controllers: [LogsController],
  providers: [LogsService, Recorder, SystemLogWriter, McpLogRepository, SystemLogRepository],
  exports: [Recorder],
})
export class LogsModule {}
