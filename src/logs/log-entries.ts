import { Injectable } from '@nestjs/common';
import type { Operation } from '../audit/operation.entity';
import { OperationRepository } from '../audit/operation.repository';
import type { SeqWindow } from '../database/log-reading';
import { MCP_COLUMNS, SYSTEM_COLUMNS } from './log-columns';
import { toMessageView, toOperationView, toSystemLogView } from './log-views';
import type { CommittedRow } from './log-writer.types';
import type { McpLogRow } from './mcp-log.entity';
import { McpLogRepository } from './mcp-log.repository';
import type { SystemLogRow } from './system-log.entity';
import { SystemLogRepository } from './system-log.repository';

export const LOG_KINDS = ['mcp', 'system', 'operations'] as const;
export type LogKind = (typeof LOG_KINDS)[number];

/** For each log the number of a row: all up to it have been seen. */
export type LogPosition = Record<LogKind, number>;

/** A row of any log as the API shows it in a list; MCP messages without their payload. */
export interface LogEntry {
  seq: number;
  /** Epoch milliseconds. */
  at: number;
  /** The tool that it is about. */
  toolId: string | null;
  view: object;
}

/** The three logs as one kind of thing: rows in the order of their commits, whether read or told. */
@Injectable()
export class LogEntries {
  constructor(
    private readonly mcpLog: McpLogRepository,
    private readonly systemLog: SystemLogRepository,
    private readonly operations: OperationRepository,
  ) {}

  async between(log: LogKind, range: { after: number; upTo: number; limit: number }): Promise<LogEntry[]> {
    if (log === 'mcp') return (await this.mcpLog.between(range)).map(ofMessage);
    if (log === 'system') return (await this.systemLog.between(range)).map(ofSystemRow);
    const rows = await this.operations.after(range.after, range.limit);
    return rows.filter(({ seq }) => seq <= range.upTo).map(ofOperation);
  }

  async bounds(): Promise<Record<LogKind, SeqWindow>> {
    const [mcp, system, operations] = await Promise.all([
      this.mcpLog.bounds(),
      this.systemLog.bounds(),
      this.operations.bounds(),
    ]);
    return { mcp, system, operations };
  }

  /** Rows as their writer tells them. */
  told(row: CommittedRow): LogEntry {
    const columns = row.log === 'mcp' ? MCP_COLUMNS : SYSTEM_COLUMNS;
    const values = [row.seq, ...row.values];
    const read = Object.fromEntries(columns.map(({ property }, place) => [property, values[place] ?? null]));
    // The columns are those of the row, by the list that both are made from; SQLite's writer takes 0 and 1.
    if (row.log === 'system') return ofSystemRow(read as unknown as SystemLogRow);
    return ofMessage({ ...(read as unknown as McpLogRow), truncated: read['truncated'] === 1 });
  }
}

function ofMessage(row: Omit<McpLogRow, 'payload'>): LogEntry {
  return { seq: row.seq, at: row.at, toolId: row.toolId, view: toMessageView(row) };
}

function ofSystemRow(row: SystemLogRow): LogEntry {
  return { seq: row.seq, at: row.at, toolId: null, view: toSystemLogView(row) };
}

function ofOperation(row: Operation): LogEntry {
  const toolId = row.targetType === 'tool' ? row.targetId : null;
  return { seq: row.seq, at: row.at, toolId, view: toOperationView(row) };
}
