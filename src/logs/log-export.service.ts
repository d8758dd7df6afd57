import { Injectable, StreamableFile } from '@nestjs/common';
import { OperationListRepository } from '../audit/operation-list.repository';
import type { Principal } from '../auth/principal';
import { entryWriter, type ExportedLog } from './export-format';
import { ExportStreams } from './export-streams';
import type { ExportFormat, McpLogExportQuery, OperationExportQuery, SystemLogExportQuery } from './log-export.dto';
import { LogFilters } from './log-filters';
import { LogSettling } from './log-settling';
import { toMcpLogView, toOperationView, toSystemLogView } from './log-views';
import { McpLogRepository } from './mcp-log.repository';
import { SystemLogRepository } from './system-log.repository';

/** Gives the logs out whole: what a list would show, of any size. What was said before the question is in it. */
@Injectable()
export class LogExportService {
  constructor(
    private readonly systemLog: SystemLogRepository,
    private readonly operations: OperationListRepository,
    private readonly mcpLog: McpLogRepository,
    private readonly filters: LogFilters,
    private readonly settling: LogSettling,
    private readonly streams: ExportStreams,
  ) {}

  async system(query: SystemLogExportQuery, principal: Principal): Promise<StreamableFile> {
    await this.settling.system();
    const pages = this.systemLog.iterate(this.filters.system(query));
    return this.file('system', query.format, viewsOf(pages, toSystemLogView), principal);
  }

  async operationLog(query: OperationExportQuery, principal: Principal): Promise<StreamableFile> {
    const pages = this.operations.iterate(this.filters.operations(query));
    return this.file('operations', query.format, viewsOf(pages, toOperationView), principal);
  }

  async mcp(query: McpLogExportQuery, principal: Principal): Promise<StreamableFile> {
    await this.settling.mcp();
    const pages = this.mcpLog.iterate(await this.filters.mcp(query, principal.toolIds));
    return this.file('mcp', query.format, viewsOf(pages, toMcpLogView), principal);
  }

  private async file(
    log: ExportedLog,
    format: ExportFormat,
    pages: AsyncGenerator<Iterable<object>>,
    principal: Principal,
  ): Promise<StreamableFile> {
    const writer = entryWriter(log, format);
    const stream = await this.streams.start(pages, writer, principal);
    const time = new Date().toISOString().replace(/[:.]/g, '-');
    return new StreamableFile(stream, {
      type: writer.contentType,
      disposition: `attachment; filename="mcps-${log}-${time}.${writer.extension}"`,
    });
  }
}

/** Views are made as they are written: a page of them at once would keep the event loop. */
async function* viewsOf<R>(pages: AsyncGenerator<R[]>, toView: (row: R) => object): AsyncGenerator<Iterable<object>> {
  for await (const rows of pages) yield lazily(rows, toView);
}

function* lazily<R>(rows: R[], toView: (row: R) => object): Generator<object> {
  for (const row of rows) yield toView(row);
}
