import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { ShuttingDownError } from '../availability/shutdown-coordinator';
import { Clock } from '../common/clock';
import { MaintenanceError } from '../availability/maintenance';
import { AppConfig } from '../config/app-config';
import { Events } from '../events/events';
import type { TrafficSink } from '../mcp/traffic';
import { TrafficTap } from '../mcp/traffic-tap';
import { GroupUsageReader } from './group-usage';
import { InstanceMaker } from './instance-maker';
import type { IsolationReport } from './isolation-report';
import { ProcessSpawner } from './process-spawner';
import { StderrFiles } from './stderr-files';
import type { StderrLine } from './stderr-ring';
import type { SupervisedTool, ToolDefaults } from './supervised-tool';
import { StartAbortedError, ToolStartFailedError, ToolUnkillableError } from './supervisor.errors';
import type { OwnHandshake, ToolInstance } from './tool-instance';
import type { LifecycleState, Phase } from './tool-lifecycle';
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

/** One tool as the reconciler sees it. */
export interface Life {
  toolId: string;
  phase: Phase;
  /** It has ended as its policy wants. */
  settled: boolean;
}

/** A tool that is down for good, until somebody does something about it. */
export interface FailedTool {
  name: string;
  code: string;
}

/** A server of a tool that one client has for itself. */
export interface ToolFork {
  session: ToolSession;
  /** Resolves when nothing of it is left. */
  end: () => Promise<void>;
}

/** What is not down by then, when MCPS.ONE stops, is killed; the rungs up to SIGKILL fit into it. */
const SHUTDOWN_MS = 8_000;

/** All tools alive. It keeps no wishes: who wants what running is the registry's business. */
@Injectable()
export class SupervisorService implements OnModuleInit {
  private readonly logger = new Logger('Supervisor');
  private readonly instances = new Map<string, ToolInstance>();
  /** Definitions that are only tried: not part of the registry, but of every shutdown. */
  private readonly trials = new Set<ToolInstance>();
  /** Servers of single clients, beside the one that all others share. */
  private readonly forks = new Set<ToolInstance>();
  private readonly readyListeners = new Set<ReadyListener>();
  private readonly maker: InstanceMaker;
  private readonly stderrFiles: StderrFiles;
  private suspended = false;

  constructor(
    private readonly spawner: ProcessSpawner,
    private readonly usage: GroupUsageReader,
    private readonly tap: TrafficTap,
    config: AppConfig,
    clock: Clock,
    private readonly events: Events,
  ) {
    this.maker = new InstanceMaker(spawner, config, clock, this.logger);
    this.stderrFiles = new StderrFiles(config.logDir);
  }

  /** Before anything is started: what a killed MCPS.ONE has left behind is ended. The instance lock is ours by now. */
  async onModuleInit(): Promise<void> {
    await this.spawner.prepare();
    const count = await this.spawner.reapLeftovers(this.maker.markerPrefix);
    if (count > 0) this.logger.warn('Processes that an earlier run had left behind were ended', { count });
  }

  /** Says what holds from now on for tools that say nothing of their own, those that run included. */
  assume(defaults: ToolDefaults): void {
    this.maker.defaults = { ...defaults };
  }

  /** Takes a tool in, or a changed definition of one that it has. Starts nothing. */
  define(tool: SupervisedTool): void {
    const known = this.instances.get(tool.id);
    if (known) known.define(tool);
    else {
      const instance = this.maker.make(tool, {
        sink: this.tap,
        onChange: (changed, before) => this.onChange(changed, before),
        stderrSink: (named) => this.stderrFiles.sinkFor(named),
      });
      this.instances.set(tool.id, instance);
    }
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
    for (const fork of this.forksOf(tool.id)) void fork.stop();
    await this.settle(instance, instance.restart());
  }

  /** Resolves when no process of the tool is left. @throws ToolUnkillableError */
  async stop(toolId: string): Promise<void> {
    const instance = this.instances.get(toolId);
    const all = [...(instance ? [instance] : []), ...this.forksOf(toolId)];
    const areGone = await Promise.all(all.map((each) => each.stop()));
    if (instance && areGone.includes(false)) throw new ToolUnkillableError(instance.tool.name);
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

  /** Resolves when a tool that is on its way to running does (true), or will not. */
  async whenReady(toolId: string): Promise<boolean> {
    return (await this.instances.get(toolId)?.whenReady()) ?? false;
  }

  /**
   * Starts one more server of a tool, for one client alone; it is not started again when it ends. Resolves when it is ready.
   * @throws ToolStartFailedError, StartAbortedError, ShuttingDownError
   */
  async fork(toolId: string, handshake: OwnHandshake): Promise<ToolFork> {
    this.assertAccepting();
    const shared = this.instances.get(toolId);
    if (!shared) throw new Error('a tool that was never defined can not be started');
    const once: SupervisedTool = { ...shared.tool, restartPolicy: 'never', maxRetries: 0 };
    const instance = this.maker.make(once, { sink: this.tap, onChange: () => undefined, handshake });
    this.forks.add(instance);
    const end = async (): Promise<void> => {
      if (await instance.stop()) this.forks.delete(instance);
    };
    try {
      await this.settle(instance, instance.start());
      const session = instance.live;
      if (session === null) throw new ToolStartFailedError(once.name, instance.lifecycle);
      return { session, end };
    } catch (error) {
      await end();
      throw error;
    }
  }

  /** The last lines of a program's stderr, oldest first. */
  stderr(toolId: string): StderrLine[] {
    return this.instances.get(toolId)?.stderr.tail() ?? [];
  }

  /** All tools that have a process of ours at this moment. */
  liveProcesses(): LiveProcess[] {
    return this.all().flatMap((instance) => {
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

  /** Shows what is wrong with a life of a tool that goes on and may recover. */
  degrade(toolId: string, generation: number, code: string, message: string): void {
    this.instances.get(toolId)?.degrade(generation, code, message);
  }

  recover(toolId: string, generation: number, code: string): void {
    this.instances.get(toolId)?.recover(generation, code);
  }

  /** The sessions of all tools that run, by the tool's id. */
  runningSessions(): Map<string, ToolSession> {
    const running = new Map<string, ToolSession>();
    for (const [id, { live }] of this.instances) if (live) running.set(id, live);
    return running;
  }

  /** How every tool that was ever defined fares. */
  lives(): Life[] {
    return [...this.instances].map(([toolId, instance]) => lifeOf(toolId, instance));
  }

  life(toolId: string): Life | null {
    const instance = this.instances.get(toolId);
    return instance ? lifeOf(toolId, instance) : null;
  }

  /** To be asked before a wish to run is stored. @throws ShuttingDownError, MaintenanceError */
  assertAccepting(): void {
    if (this.maker.isHurried) throw new ShuttingDownError();
    if (this.suspended) throw new MaintenanceError({ reason: 'a backup is being restored', retryAfterSeconds: 5 });
  }

  /** Stops and forgets all tools, and starts none until `resume`: other definitions are to come. @throws ToolUnkillableError */
  async suspend(): Promise<void> {
    this.suspended = true;
    await Promise.all([
      ...[...this.instances.keys()].map((toolId) => this.forget(toolId)),
      ...[...this.trials, ...this.forks].map((instance) => instance.stop()),
    ]);
  }

  resume(): void {
    this.suspended = false;
  }

  /** What is promised about processes that would be left over. */
  isolation(): IsolationReport {
    return this.spawner.isolation();
  }

  /** The tools that will not be started again by themselves, each with the reason. */
  failedTools(): FailedTool[] {
    return [...this.instances.values()].flatMap(({ tool, lifecycle: { phase, lastError } }) =>
      phase === 'failed' ? [{ name: tool.name, code: lastError?.code ?? 'unknown' }] : [],
    );
  }

  onReady(listener: ReadyListener): void {
    this.readyListeners.add(listener);
  }

  /**
   * Runs a definition once, outside the registry and the records, and hands its session to `work`; whatever happens,
   * nothing of it is left afterwards. Rejects with what start or `work` rejected with; `stderr` is filled either way.
   */
  async trial<T>(tool: SupervisedTool, stderr: string[], work: (session: ToolSession) => Promise<T>): Promise<T> {
    this.assertAccepting();
    const nowhere: TrafficSink = { record: () => undefined };
    const once: SupervisedTool = { ...tool, restartPolicy: 'never', maxRetries: 0 };
    const instance = this.maker.make(once, { sink: nowhere, onChange: () => undefined });
    // Known while it lives, so that a shutdown in the middle takes it down too.
    this.trials.add(instance);
    try {
      await this.settle(instance, instance.start());
      const session = instance.live;
      if (session === null) throw new ToolStartFailedError(tool.name, instance.lifecycle);
      return await work(session);
    } finally {
      const isGone = await instance.stop();
      stderr.push(...instance.stderr.tail().map((entry) => entry.line));
      if (isGone) this.trials.delete(instance);
    }
  }

  /** First of all at shutdown: nothing new is started, and what is about to come up is given up; what runs goes on. */
  refuseStarts(): void {
    this.maker.isHurried = true;
    for (const instance of this.all()) if (instance.lifecycle.phase !== 'running') void instance.stop();
  }

  /** Then everything goes down, side by side. */
  async stopAll(): Promise<void> {
    this.maker.isHurried = true;
    const limit = new AbortController();
    const late = delay(SHUTDOWN_MS, true, { signal: limit.signal }).catch(() => false);
    const down = Promise.all(this.all().map((instance) => instance.stop())).then(() => false);
    if (await Promise.race([down, late])) this.killAll();
    limit.abort();
    this.spawner.end();
    await this.stderrFiles.close();
  }

  /** The last resort of a process that is about to end: every group gets SIGKILL, nobody is waited for. */
  killAll(): void {
    this.maker.isHurried = true;
    for (const instance of this.all()) instance.current?.process?.signal('SIGKILL');
  }

  private prepared(tool: SupervisedTool): ToolInstance {
    this.assertAccepting();
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

  private all(): ToolInstance[] {
    return [...this.instances.values(), ...this.trials, ...this.forks];
  }

  /** A listener that throws is a bug of ours, and no reason to doubt the tool. */
  private tellReady(listener: ReadyListener, toolId: string, session: ToolSession): void {
    try {
      listener(toolId, session);
    } catch (error) {
      this.logger.error('A listener failed when a tool became ready', error, { tool: session.tool.name });
    }
  }

  private forksOf(toolId: string): ToolInstance[] {
    return [...this.forks].filter((instance) => instance.tool.id === toolId);
  }

  private isAlive(toolId: string): boolean {
    const phase = this.instances.get(toolId)?.lifecycle.phase;
    return phase !== undefined && phase !== 'stopped';
  }

  private onChange(instance: ToolInstance, before: LifecycleState): void {
    const { lifecycle, tool } = instance;
    this.events.tell('tool.status-changed', { toolId: tool.id });
    if (lifecycle.phase === before.phase) return;
    const facts = { tool: tool.name, generation: lifecycle.generation };
    if (lifecycle.phase === 'running') {
      this.logger.log('A tool is ready', { ...facts, pid: instance.current?.process?.pid ?? null });
      const session = instance.live;
      if (session) {
        void session.ping();
        for (const listener of this.readyListeners) this.tellReady(listener, tool.id, session);
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

function lifeOf(toolId: string, { lifecycle }: ToolInstance): Life {
  return { toolId, phase: lifecycle.phase, settled: lifecycle.settled };
}
