import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock';
import { Settings } from '../settings/settings';
import { SupervisorService, type ToolFork } from '../supervisor/supervisor.service';
import type { OwnHandshake } from '../supervisor/tool-instance';
import type { ToolSession } from '../supervisor/tool-session';
import { ToolDefaults } from './tool-defaults';
import type { DesiredState, Sharing } from './tool-definition.types';
import { ToolRegistry } from './tool-registry';
import { ToolRepository } from './tool.repository';
import { ToolDisabledError, ToolNotRunningError, ToolStoppedError } from './tools.errors';

/** What one must know of a tool to reach it. */
export interface ToolFacts {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly enabled: boolean;
  readonly desired: DesiredState;
  readonly sharing: Sharing;
  readonly timeoutMs: number;
  readonly recordPayloads: boolean;
}

/** So old may a copy be that nobody has called outdated. */
const TRUST_MS = 1_000;

/** All tools as the gateway has to know them, without a question to the database for each call; and how one is woken. */
@Injectable()
export class ToolCatalogue {
  private byKey = new Map<string, ToolFacts>();
  private facts: readonly ToolFacts[] = [];
  private revision = -1;
  private loadedAt = -Infinity;
  private loading: Promise<void> | null = null;

  constructor(
    private readonly tools: ToolRepository,
    private readonly registry: ToolRegistry,
    private readonly supervisor: SupervisorService,
    private readonly clock: Clock,
    private readonly defaults: ToolDefaults,
    settings: Settings,
  ) {
    settings.onChange(['mcp.timeoutSeconds'], () => (this.revision = -1));
  }

  /** Grows with every change of a tool, maybe before it is committed. */
  get stamp(): number {
    return this.tools.revision;
  }

  /** By id or name, from memory; undefined: it has to be asked for by `find`. */
  peek(idOrName: string): ToolFacts | undefined {
    if (this.revision !== this.tools.revision) return undefined;
    // Old, not wrong: it is good for this once.
    if (this.clock.monotonic() - this.loadedAt > TRUST_MS) void this.load().catch(() => undefined);
    return this.byKey.get(idOrName);
  }

  async find(idOrName: string): Promise<ToolFacts | null> {
    const known = this.peek(idOrName);
    if (known !== undefined) return known;
    await this.load();
    return this.byKey.get(idOrName) ?? null;
  }

  /** All of them, in the order they were made. */
  async list(): Promise<readonly ToolFacts[]> {
    if (this.revision !== this.tools.revision || this.clock.monotonic() - this.loadedAt > TRUST_MS) await this.load();
    return this.facts;
  }

  /** The session of a tool that calls may use at this moment, or null. */
  session(id: string): ToolSession | null {
    return this.supervisor.session(id);
  }

  /**
   * Brings a tool to where calls can reach it: one that is starting is waited for, an `on-demand` one is started.
   * @throws ToolNotFoundError, ToolDisabledError, ToolStoppedError, ToolNotRunningError, ToolStartFailedError, ...
   */
  async wake(id: string): Promise<ToolSession> {
    const running = this.supervisor.session(id);
    if (running !== null) return running;
    const name = await this.bringUp(id);
    await this.supervisor.whenReady(id);
    const session = this.supervisor.session(id);
    if (session === null) throw new ToolNotRunningError(name, this.supervisor.snapshot(id).state);
    return session;
  }

  /** One more server of a tool, for one client alone. @throws ToolStartFailedError, StartAbortedError, ShuttingDownError */
  fork(id: string, handshake: OwnHandshake): Promise<ToolFork> {
    return this.supervisor.fork(id, handshake);
  }

  /** Hears whenever a tool has become ready. */
  onReady(listener: (toolId: string, session: ToolSession) => void): void {
    this.supervisor.onReady(listener);
  }

  private async bringUp(id: string): Promise<string> {
    const { name, start } = await this.registry.exclusively(id, (tool) => {
      if (!tool.enabled) throw new ToolDisabledError(tool.name);
      if (tool.desired === 'stopped') throw new ToolStoppedError(tool.name);
      const phase = this.supervisor.life(id)?.phase ?? 'stopped';
      const isDown = phase === 'stopped' || phase === 'failed';
      // What is to run and has failed is the restart policy's business: a call must not turn it into a crash loop.
      const begins = tool.desired === 'on-demand' && isDown;
      return Promise.resolve({ name: tool.name, start: begins ? this.registry.start(tool) : null });
    });
    await start?.done;
    return name;
  }

  private load(): Promise<void> {
    this.loading ??= this.read().finally(() => (this.loading = null));
    return this.loading;
  }

  private async read(): Promise<void> {
    const revision = this.tools.revision;
    const rows = await this.tools.list({});
    this.facts = rows.map((tool) => {
      const { id, name, description, enabled, desired, sharing, recordPayloads } = tool;
      const { timeoutMs } = this.defaults.of(tool);
      return Object.freeze({ id, name, description, enabled, desired, sharing, timeoutMs, recordPayloads });
    });
    this.byKey = new Map(this.facts.flatMap((tool) => [[tool.id, tool] as const, [tool.name, tool] as const]));
    this.revision = revision;
    this.loadedAt = this.clock.monotonic();
  }
}
