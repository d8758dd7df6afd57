import { Injectable } from '@nestjs/common';
import { OperationLog } from '../audit/operation-log';
import { DomainError, ValidationFailedError } from '../common/domain-error';
import { readClientConfig } from './client-config-import';
import { DefinitionIntake, parseRequest } from './definition-intake';
import { ImportError } from './import.errors';
import type { ImportDraft, ImportedTool, ImportReading } from './import.types';
import type { ImportRequest, ImportView } from './tool-transfer.dto';
import type { Tool } from './tool.entity';
import { ToolRepository } from './tool.repository';
import { ToolsService } from './tools.service';

/** Takes tools over from the configuration files of MCP clients. Nothing is ever started or expanded by it. */
@Injectable()
export class ToolImportService {
  constructor(
    private readonly tools: ToolRepository,
    private readonly service: ToolsService,
    private readonly intake: DefinitionIntake,
    private readonly operations: OperationLog,
  ) {}

  /** One entry that can't be used never keeps the others from it. @throws ValidationFailedError for an unreadable config */
  async run({ config, overwrite = false, dryRun = false }: ImportRequest): Promise<ImportView> {
    const reading = read(config);
    const view: ImportView = {
      created: [],
      updated: [],
      skipped: [...reading.skipped],
      missing: [],
      notes: [],
      dryRun,
    };
    for (const entry of reading.entries) await this.take(entry, { overwrite, dryRun }, view);
    // Every tool that was made or changed has its own row; a dry run has but this one.
    if (dryRun) await this.operations.append({ action: 'tool.import', outcome: 'success', changes: { dryRun } });
    return view;
  }

  private async take(
    entry: ImportedTool,
    options: { overwrite: boolean; dryRun: boolean },
    view: ImportView,
  ): Promise<void> {
    const { name } = entry.draft;
    const existing = await this.tools.findByName(name);
    if (existing !== null && !options.overwrite) {
      view.skipped.push({ name, reason: 'there is already a tool of this name; send "overwrite": true to replace it' });
      return;
    }
    try {
      const request = parseRequest(toBody(entry.draft));
      if (options.dryRun) await this.intake.accept(request);
      else if (existing !== null) await this.service.patchDormant(name, replacing(existing, entry.draft));
      else await this.service.create(request, { desired: 'stopped', action: 'tool.import' });
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      view.skipped.push({
        name,
        reason: error.errors?.map((e) => `${e.path} ${e.message}`).join('; ') ?? error.message,
      });
      return;
    }
    (existing === null ? view.created : view.updated).push(name);
    view.missing.push(...entry.missing.map((variable) => ({ name, variable })));
    view.notes.push(...(entry.notes ?? []).map((note) => ({ name, note })));
  }
}

function read(config: unknown): ImportReading {
  try {
    return readClientConfig(config);
  } catch (error) {
    if (error instanceof ImportError) throw new ValidationFailedError([{ path: 'config', message: error.message }]);
    throw error;
  }
}

/** A merge patch that makes the connection what the file says, without secrets of before; the other settings stay. */
function replacing(existing: Tool, draft: ImportDraft): Record<string, unknown> {
  const without = (map: Record<string, string>) => Object.fromEntries(Object.keys(map).map((name) => [name, null]));
  return {
    ...toBody(draft),
    env: { ...without(existing.env), ...draft.env },
    headers: { ...without(existing.headers), ...draft.headers },
  };
}

function toBody({ timeoutMs, ...draft }: ImportDraft): Record<string, unknown> {
  return timeoutMs === undefined ? { ...draft } : { ...draft, timeoutMs };
}
