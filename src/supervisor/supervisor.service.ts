import { join } from 'node:path';
import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Clock } from '../common/clock';
import { Semaphore } from '../common/semaphore';
import { VERSION } from '../common/version';
import { AppConfig } from '../config/app-config';
import { addressPolicyOf } from '../mcp/address-policy';
import { createGuardedFetch } from '../mcp/guarded-fetch';
import type { TrafficSink } from '../mcp/traffic';
import { TrafficTap } from '../mcp/traffic-tap';
import { GroupUsageReader } from './group-usage';
import { installationId } from './installation-id';
import { ProcessSpawner } from './process-spawner';
import type { StderrLine } from './stderr-ring';
import type { SupervisedTool } from './supervised-tool';
import { ShuttingDownError, StartAbortedError, ToolStartFailedError, ToolUnkillableError } from './supervisor.errors';
import { type InstanceSurroundings, ToolInstance } from './tool-instance';
import { DEFAULT_TIMES, type LifecycleState } from './tool-lifecycle';
import type { ToolSession } from './tool-session';
import { STOPPED_SNAPSHOT, takeSnapshot, type ToolSnapshot } from './tool-snapshot';

/** Told when a tool has become ready. */
export type ReadyListener = (toolId: string, session: ToolSession) => void;

/** One tool's process group. */
export interface LiveProcess {
  toolId: string;
  name: string;
  generation: number;
  pgid: number;
  memoryLimitBytes: number | null;
}

/** How many tools start at once. */
const PARALLEL_STARTS = 4;
/** A start keeps its place among them this long at most: one that hangs must not hold up the others. */
const START_SLOT_MS = 5_000;

/** All tools alive. It keeps no wishes: who wants what running is the registry's business. */
@Injectable()
export class SupervisorService implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger('Supervisor');
  private readonly instances = new Map<string, ToolInstance>();
  private readonly readyListeners = new Set<ReadyListener>();
  private readonly starts = new Semaphore(PARALLEL_STARTS);
  /** Tells our children from those of another MCPS.ONE on this machine, also after a restart. */
  private readonly installation: string;
  private readonly remoteFetch: typeof fetch;
  private draining = false;

  constructor(
    private readonly spawner: ProcessSpawner,
    private readonly usage: GroupUsageReader,
    private readonly tap: TrafficTap,
    private readonly config: AppConfig,
    private readonly clock: Clock,
  ) {
    this.installation = installationId(join(config.dataDir, 'installation-id'));
    this.remoteFetch = createGuardedFetch(addressPolicyOf(config));
  }

  /** Before anything is started: what a killed MCPS.ONE has left behind is ended. The instance lock is ours by now. */
  async onModuleInit(): Promise<void> {
    const count = await this.spawner.reapLeftovers(`${this.installation}:`);
    if (count > 0) this.logger.warn('Processes that an earlier run had left behind were ended', { count });
  }

  /** Takes a tool in, or a changed definition of one that it has. Starts nothing. */
  define(tool: SupervisedTool): void {
    const known = this.instances.get(tool.id);
    if (known) known.define(tool);
    else
      this.instances.set(
        tool.id,
        this.newInstance(tool, this.tap, (instance, before) => this.onChange(instance, before)),
      );
  }

  /**
   * Starts a tool that has been defined; resolves when it is ready, at once if it is already.
   * @throws ToolStartFailedError, StartAbortedError, ShuttingDownError
   */
  async start(tool: SupervisedTool): Promise<void> {
    const instance = this.prepared(tool);
    await this.settle(instance, instance.start());
  }

  /** Like `start`, but what runs is stopped first. */
  async restart(tool: SupervisedTool): Promise<void> {
    const instance = this.prepared(tool);
    await this.settle(instance, instance.restart());
  }

  /** Resolves when no process of the tool is left. @throws ToolUnkillableError */
  async stop(toolId: string): Promise<void> {
    const instance = this.instances.get(toolId);
    if (instance && !(await instance.stop())) throw new ToolUnkillableError(instance.tool.name);
  }

  /** Stops a tool and forgets it. */
  async forget(toolId: string): Promise<void> {
    // A start that came in while we waited is taken down as well.
    while (this.isAlive(toolId)) await this.stop(toolId);
    this.instances.delete(toolId);
  }

  snapshot(toolId: string): ToolSnapshot {
    const instance = this.instances.get(toolId);
    return instance ? takeSnapshot(instance, (pgid) => this.usage.read(pgid)) : STOPPED_SNAPSHOT;
  }

  /** The session that calls may use, or null when the tool is not running. */
  session(toolId: string): ToolSession | null {
    return this.instances.get(toolId)?.live ?? null;
  }

  /** The last lines of a program's stderr, oldest first. */
  stderr(toolId: string): StderrLine[] {
    return this.instances.get(toolId)?.stderr.tail() ?? [];
  }

  /** All tools that have a process of ours at this moment. */
  liveProcesses(): LiveProcess[] {
    return [...this.instances.values()].flatMap((instance) => {
      const session = instance.current;
      const pid = session?.process && !session.process.isGone() ? session.process.pid : null;
      if (session === null || pid === null) return [];
      const { id, name, memoryLimitBytes } = instance.tool;
      return [{ toolId: id, name, generation: session.generation, pgid: pid, memoryLimitBytes }];
    });
  }

  /** Takes down one life of a tool because it is no good any more; its restart policy decides what follows. */
  condemn(toolId: string, generation: number, code: string, message: string): void {
    this.instances.get(toolId)?.condemn(generation, code, message);
  }

  onReady(listener: ReadyListener): void {
    this.readyListeners.add(listener);
  }

  /**
   * Runs a definition once, outside the registry and the records, and hands its session to `work`; whatever happens,
   * nothing of it is left afterwards. Rejects with what start or `work` rejected with; `stderr` is filled either way.
   */
  async trial<T>(tool: SupervisedTool, stderr: string[], work: (session: ToolSession) => Promise<T>): Promise<T> {
    if (this.draining) throw new ShuttingDownError();
    const nowhere: TrafficSink = { record: () => undefined };
    const once: SupervisedTool = { ...tool, restartPolicy: 'never', maxRetries: 0 };
    const instance = this.newInstance(once, nowhere, () => undefined);
    // Known while it lives, so that a shutdown in the middle takes it down too.
    this.instances.set(tool.id, instance);
    try {
      await this.settle(instance, instance.start());
      const session = instance.live;
      if (session === null) throw new ToolStartFailedError(tool.name, instance.lifecycle);
      return await work(session);
    } finally {
      const isGone = await instance.stop();
      stderr.push(...instance.stderr.tail().map((entry) => entry.line));
      if (isGone) this.instances.delete(tool.id);
    }
  }

  /** First of all at shutdown: no new starts, then everything down, side by side. */
  async onModuleDestroy(): Promise<void> {
    this.draining = true;
    await Promise.all([...this.instances.values()].map((instance) => instance.stop()));
    this.spawner.end();
  }

  /** The last resort of a process that is about to end: every group gets SIGKILL, nobody is waited for. */
  killAll(): void {
    this.draining = true;
    for (const instance of this.instances.values()) instance.current?.process?.signal('SIGKILL');
  }

  private prepared(tool: SupervisedTool): ToolInstance {
    if (this.draining) throw new ShuttingDownError();
    this.define(tool);
    const instance = this.instances.get(tool.id);
    if (!instance) throw new Error('a tool vanished while it was defined');
    return instance;
  }

  private async settle(instance: ToolInstance, outcome: ReturnType<ToolInstance['start']>): Promise<void> {
    const ended = await outcome;
    if (ended === 'aborted') throw new StartAbortedError(instance.tool.name);
    if (ended === 'failed') throw new ToolStartFailedError(instance.tool.name, instance.lifecycle);
  }

  private isAlive(toolId: string): boolean {
    const phase = this.instances.get(toolId)?.lifecycle.phase;
    return phase !== undefined && phase !== 'stopped';
  }

  private newInstance(
    tool: SupervisedTool,
    sink: TrafficSink,
    onChange: InstanceSurroundings['onChange'],
  ): ToolInstance {
    return new ToolInstance(tool, {
      spawner: this.spawner,
      sink,
      clientInfo: { name: 'mcps-one', version: VERSION },
      environment: this.config.environmentOfChildren,
      passthrough: this.config.mcpEnvPassthrough,
      maxMessageBytes: this.config.mcpMaxMessageBytes,
      remoteFetch: this.remoteFetch,
      marker: `${this.installation}:${tool.id}`,
      clock: this.clock,
      starts: this.starts,
      times: DEFAULT_TIMES,
      slotMs: START_SLOT_MS,
      onChange,
    });
  }

  private onChange(instance: ToolInstance, before: LifecycleState): void {
    const { lifecycle, tool } = instance;
    if (lifecycle.phase === before.phase) return;
    const facts = { tool: tool.name, generation: lifecycle.generation };
    if (lifecycle.phase === 'running') {
      this.logger.log('A tool is ready', { ...facts, pid: instance.current?.process?.pid ?? null });
      const session = instance.live;
      if (session) {
        void session.measurePing();
        for (const listener of this.readyListeners) listener(tool.id, session);
      }
    } else if (lifecycle.phase === 'backoff' || lifecycle.phase === 'failed') {
      const { code, message } = lifecycle.lastError ?? { code: 'unknown', message: 'It failed' };
      this.logger.warn(lifecycle.phase === 'failed' ? 'A tool has failed' : 'A tool will be started again', {
        ...facts,
        code,
        message,
      });
    } else if (lifecycle.phase === 'stopped') {
      this.logger.log('A tool has stopped', facts);
    }
  }
}
