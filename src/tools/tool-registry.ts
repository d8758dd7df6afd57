import { Injectable } from '@nestjs/common';
import { KeyedMutex } from '../common/keyed-mutex';
import { isId } from '../common/ids';
import { noteTarget, type Target } from '../common/request-context';
import { Events } from '../events/events';
import { Recorder } from '../logs/recorder.service';
import { ToolNames } from '../logs/tool-names';
import { SupervisorService } from '../supervisor/supervisor.service';
import { DefinitionPolicy } from './definition-policy';
import { type DesiredState, TOOL_NAME_PATTERN } from './tool-definition.types';
import { type Repair, repairFor } from './tool-drift';
import { ToolSecrets } from './tool-secrets';
import type { Tool } from './tool.entity';
import { ToolRepository } from './tool.repository';
import { ToolNotFoundError } from './tools.errors';

/** Finds tools and keeps wish and reality together: what is stored is what the supervisor is told. */
@Injectable()
export class ToolRegistry {
  private readonly locks = new KeyedMutex();

  constructor(
    private readonly tools: ToolRepository,
    private readonly secrets: ToolSecrets,
    private readonly supervisor: SupervisorService,
    private readonly recorder: Recorder,
    private readonly policy: DefinitionPolicy,
    private readonly events: Events,
    names: ToolNames,
  ) {
    names.connect(async (name) => (await this.find(name))?.id ?? null);
  }

  /** A tool by its id or its name. @throws ToolNotFoundError */
  async get(idOrName: string): Promise<Tool> {
    noteTarget({ type: 'tool', id: null, name: idOrName.slice(0, 80) });
    const tool = await this.find(idOrName);
    if (tool === null) throw new ToolNotFoundError(idOrName);
    noteTarget({ type: 'tool', id: tool.id, name: tool.name });
    return tool;
  }

  /**
   * Runs `work` on the tool as it stands now, one piece of work a tool at a time: what is committed first is carried out
   * first. Keep waiting (for a start, say) out of it. @throws ToolNotFoundError
   */
  async exclusively<T>(idOrName: string, work: (tool: Tool) => Promise<T>): Promise<T> {
    const { id } = await this.get(idOrName);
    return this.locks.run(id, async () => {
      const tool = await this.tools.findById(id);
      if (tool === null) throw new ToolNotFoundError(idOrName);
      return work(tool);
    });
  }

  /** What the operation log calls a tool, whether there is one or not. */
  async targetOf(idOrName: string): Promise<Target> {
    const tool = await this.find(idOrName);
    return { type: 'tool', id: tool?.id ?? null, name: tool?.name ?? idOrName };
  }

  private find(idOrName: string): Promise<Tool | null> {
    if (isId(idOrName)) return this.tools.findById(idOrName);
    // What no tool can be called needs no question (and some of it, such as NUL, no database would take).
    return TOOL_NAME_PATTERN.test(idOrName) ? this.tools.findByName(idOrName) : Promise.resolve(null);
  }

  async wish(tool: Tool, desired: DesiredState): Promise<void> {
    if (tool.desired === desired) return;
    await this.tools.setDesired(tool.id, desired);
    tool.desired = desired;
    this.events.tell('tool.status-changed', { toolId: tool.id });
  }

  /** Begins a start; await the promise inside the result for its end, outside of the lock. */
  start(tool: Tool): { done: Promise<void> } {
    return handled(this.supervisor.start(this.supervised(tool)));
  }

  restart(tool: Tool): { done: Promise<void> } {
    return handled(this.supervisor.restart(this.supervised(tool)));
  }

  /** Makes reality follow a changed wish: what is to run is started (nobody waits for it), what is disabled is stopped. */
  async reconcile(tool: Tool, { mayStart }: { mayStart: boolean }): Promise<void> {
    // The change is committed by now: what was read before may be older.
    this.tools.revision++;
    this.supervisor.define(this.supervised(tool));
    if (!tool.enabled) await this.supervisor.stop(tool.id);
    // One that ended as its policy wants, or has failed, is not woken by any change of its description.
    else if (mayStart && tool.desired === 'running') this.start(tool);
  }

  /** Looks at a tool with nobody else at work on it, and begins what is needed; tells what that was. */
  repair(id: string): Promise<Repair | null> {
    return this.locks.run(id, async () => {
      const tool = await this.tools.findById(id);
      const repair = repairFor(tool, this.supervisor.life(id));
      if (repair === 'start' && tool !== null) this.start(tool);
      else if (repair === 'stop') handled(this.supervisor.stop(id));
      else if (repair === 'forget') handled(this.supervisor.forget(id));
      return repair;
    });
  }

  private supervised(tool: Tool) {
    const supervised = this.secrets.toSupervised(tool);
    this.recorder.protect(tool.id, [...Object.values(supervised.env), ...Object.values(supervised.headers)]);
    return { ...supervised, refusal: () => this.policy.refusalAtStart(supervised) };
  }
}

/** Wrapped, so that returning it from an async function doesn't wait for it; a failure nobody waits for is no crash. */
function handled(done: Promise<void>): { done: Promise<void> } {
  done.catch(() => undefined);
  return { done };
}
