import { Injectable } from '@nestjs/common';
import { OperationLog } from '../audit/operation-log';
import { Clock } from '../common/clock';
import { ValidationFailedError } from '../common/domain-error';
import { requireMatch } from '../common/etag';
import { newId } from '../common/ids';
import { noteTarget } from '../common/request-context';
import { decodeCursor, encodeCursor, toPage } from '../common/pagination';
import { Transactions, type Tx } from '../database/transactions';
import { Events } from '../events/events';
import { SupervisorService } from '../supervisor/supervisor.service';
import { changesBetween } from './tool-changes';
import { DefinitionIntake } from './definition-intake';
import { type DesiredState, MASKED, type ToolDefinition } from './tool-definition.types';
import { ToolDefaults } from './tool-defaults';
import { ToolRegistry } from './tool-registry';
import { ToolSecrets } from './tool-secrets';
import { toToolView } from './tool-views';
import { Tool } from './tool.entity';
import { ToolRepository } from './tool.repository';
import type { RevealView, ToolListQuery, ToolPageView, ToolRequest, ToolView } from './tools.dto';

const CURSOR = 'tools';

/** The registry's rules: who may be called what, what is stored, what follows from a change. */
@Injectable()
export class ToolsService {
  constructor(
    private readonly tools: ToolRepository,
    private readonly registry: ToolRegistry,
    private readonly intake: DefinitionIntake,
    private readonly secrets: ToolSecrets,
    private readonly defaults: ToolDefaults,
    private readonly supervisor: SupervisorService,
    private readonly operations: OperationLog,
    private readonly transactions: Transactions,
    private readonly clock: Clock,
    private readonly events: Events,
  ) {}

  /** `scope`: ids of the only tools that the caller may see; null: all. */
  async list(query: ToolListQuery, scope: ReadonlySet<string> | null): Promise<ToolPageView> {
    const { state, transport, tag, enabled, search, limit, cursor } = query;
    const after = cursor === undefined ? null : decodeCursor(CURSOR, cursor, 'string');
    const rows = await this.tools.list({ transport, tag, enabled, search });
    const matching = rows
      .filter((tool) => scope === null || scope.has(tool.id))
      .map((tool) => ({ tool, snapshot: this.supervisor.snapshot(tool.id) }))
      .filter(({ snapshot }) => state === undefined || snapshot.state === state);
    const rest = after === null ? matching : matching.filter(({ tool }) => tool.id > after);
    const { items, nextCursor } = toPage(rest, limit, ({ tool }) => encodeCursor(CURSOR, tool.id));
    return {
      items: items.map(({ tool, snapshot }) => toToolView(tool, this.defaults.of(tool), snapshot)),
      nextCursor,
      total: matching.length,
    };
  }

  async get(idOrName: string): Promise<ToolView> {
    return this.view(await this.registry.get(idOrName));
  }

  /** @throws ValidationFailedError, ToolNameTakenError */
  async create(request: ToolRequest, options: { desired?: DesiredState; action?: string } = {}): Promise<ToolView> {
    noteTarget({ type: 'tool', id: null, name: request.name });
    const definition = await this.intake.accept(request);
    const now = this.clock.now();
    const id = newId();
    const tool = Object.assign(new Tool(), definition, {
      id,
      env: this.sealed(id, 'env', definition, {}),
      headers: this.sealed(id, 'headers', definition, {}),
      desired: options.desired ?? (definition.autoStart ? 'running' : 'on-demand'),
      version: 1,
      createdAt: now,
      updatedAt: now,
    });
    await this.transactions.run(async (tx) => {
      await this.tools.insert(tool, tx);
      await this.record(tx, options.action ?? 'tool.create', tool, changesBetween(null, tool));
    });
    await this.settle(tool, { mayStart: true });
    return this.view(tool);
  }

  /** The whole definition anew. @throws ToolNotFoundError, PreconditionFailedError, ValidationFailedError, ToolNameTakenError */
  async replace(idOrName: string, request: ToolRequest, ifMatch?: string): Promise<ToolView> {
    return this.registry.exclusively(idOrName, async (tool) => {
      requireMatch(ifMatch, tool.version);
      return this.change(tool, await this.intake.accept(request, this.storedSecret(tool)));
    });
  }

  /** A JSON merge patch. Throws as `replace` does. */
  patch(idOrName: string, patch: Record<string, unknown>, ifMatch?: string): Promise<ToolView> {
    return this.registry.exclusively(idOrName, async (tool) => {
      requireMatch(ifMatch, tool.version);
      return this.change(tool, await this.intake.accept(this.intake.patched(tool, patch), this.storedSecret(tool)));
    });
  }

  /** A merge patch that never starts anything: a tool that does not run now is wished to be stopped from here on. */
  patchDormant(idOrName: string, patch: Record<string, unknown>): Promise<ToolView> {
    return this.registry.exclusively(idOrName, async (tool) => {
      const definition = await this.intake.accept(this.intake.patched(tool, patch), this.storedSecret(tool));
      if (this.supervisor.snapshot(tool.id).state !== 'running') {
        await this.supervisor.stop(tool.id);
        tool.desired = 'stopped';
      }
      return this.change(tool, definition);
    });
  }

  /** Stops it first; its logs stay. @throws ToolNotFoundError, PreconditionFailedError, ToolUnkillableError */
  remove(idOrName: string, ifMatch?: string): Promise<void> {
    return this.registry.exclusively(idOrName, async (tool) => {
      requireMatch(ifMatch, tool.version);
      await this.supervisor.forget(tool.id);
      await this.transactions.run(async (tx) => {
        await this.tools.remove(tool.id, tx);
        await this.record(tx, 'tool.delete', tool, null);
      });
      this.events.tell('tool.removed', { toolId: tool.id, toolName: tool.name });
    });
  }

  /** The secret values in clear. */
  async reveal(idOrName: string): Promise<RevealView> {
    return this.secretsOf(await this.registry.get(idOrName));
  }

  private storedSecret(tool: Tool) {
    return (field: 'env' | 'headers', name: string) => this.secrets.openOne(tool, field, name);
  }

  private secretsOf(tool: Tool): RevealView {
    return { env: this.secrets.open(tool, 'env'), headers: this.secrets.open(tool, 'headers') };
  }

  private async change(tool: Tool, definition: ToolDefinition): Promise<ToolView> {
    const autoStartTurnedOn = definition.autoStart && !tool.autoStart;
    const changed = Object.assign(new Tool(), tool, definition, {
      env: this.sealed(tool.id, 'env', definition, tool.env),
      headers: this.sealed(tool.id, 'headers', definition, tool.headers),
      desired: autoStartTurnedOn && tool.desired === 'on-demand' ? ('running' as const) : tool.desired,
      version: tool.version + 1,
      updatedAt: this.clock.now(),
    });
    await this.transactions.run(async (tx) => {
      await this.tools.update(changed, tx);
      await this.record(tx, 'tool.update', changed, changesBetween(tool, changed, definition));
    });
    await this.settle(changed, {
      mayStart: autoStartTurnedOn || (changed.enabled && !tool.enabled) || this.isMended(tool, definition),
    });
    return this.view(changed);
  }

  /** What follows from a definition that is committed; it is told at once, when the supervisor has it. */
  private settle(tool: Tool, options: { mayStart: boolean }): Promise<void> {
    const settled = this.registry.reconcile(tool, options);
    this.events.tell('tool.defined', { toolId: tool.id });
    return settled;
  }

  /** Whether a tool that has failed got another connection: reason enough to try it again. */
  private isMended(before: Tool, definition: ToolDefinition): boolean {
    const { state } = this.supervisor.snapshot(before.id);
    if (state !== 'failed' && state !== 'backoff') return false;
    const connection = ({ transport, command, args, cwd, url }: Tool | ToolDefinition) =>
      JSON.stringify([transport, command, args, cwd, url]);
    const secrets = [...Object.values(definition.env), ...Object.values(definition.headers)];
    return connection(before) !== connection(definition) || secrets.some((value) => value !== MASKED);
  }

  private sealed(
    id: string,
    field: 'env' | 'headers',
    definition: ToolDefinition,
    stored: Record<string, string>,
  ): Record<string, string> {
    return this.secrets.seal(id, field, definition[field], stored, (name) => {
      throw new ValidationFailedError([
        { path: `${field}.${name}`, message: 'is the mask of a stored value, but nothing is stored under this name' },
      ]);
    });
  }

  private record(tx: Tx, action: string, tool: Tool, changes: Record<string, unknown> | null): Promise<void> {
    const target = { type: 'tool', id: tool.id, name: tool.name };
    return this.operations.append({ action, outcome: 'success', target, changes }, tx);
  }

  private view(tool: Tool): ToolView {
    return toToolView(tool, this.defaults.of(tool), this.supervisor.snapshot(tool.id));
  }
}
