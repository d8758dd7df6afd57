import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Clock } from '../common/clock';
import { messageOf } from '../common/domain-error';
import { SupervisorService } from '../supervisor/supervisor.service';
import { repairFor } from './tool-drift';
import { ToolRegistry } from './tool-registry';
import { ToolRepository } from './tool.repository';

/** How often wish and reality are compared, with jitter of 90 to 110 %. */
const TICK_MS = 5_000;
/** So long it waits after each start that it begins, with jitter of 50 to 150 %: a hundred tools must not rise at once. */
const STAGGER_MS = 100;
const DATABASE = 'database';

/**
 * Closes the gap between what is wished and what is: when MCPS.ONE starts, and from then on every five seconds, should a
 * start or a stop have been lost. What the restart policy sees to is not its business.
 */
@Injectable()
export class ToolReconciler implements OnApplicationBootstrap, OnModuleDestroy {
  /** When the last tick came, whatever became of it; monotonic milliseconds. For the liveness probe. */
  lastTickAt: number | null = null;
  private readonly logger = new Logger(ToolReconciler.name);
  private readonly ended = new AbortController();
  private timer: NodeJS.Timeout | null = null;
  /** The tick at work. */
  private current: Promise<void> | null = null;
  private isPaused = false;
  /** What was logged and still holds, by tool: the same thing every five seconds is no news. */
  private readonly told = new Map<string, string>();

  constructor(
    private readonly tools: ToolRepository,
    private readonly registry: ToolRegistry,
    private readonly supervisor: SupervisorService,
    private readonly clock: Clock,
  ) {}

  /** Begins all starts that are due, in order and a moment apart, and waits for none: the API answers meanwhile. */
  async onApplicationBootstrap(): Promise<void> {
    await this.begin();
    this.schedule();
  }

  /** Repairs nothing until `resume`; resolves when what is under way has ended. */
  async pause(): Promise<void> {
    this.isPaused = true;
    await this.current;
  }

  /** Begins anew, as after a start: the wishes may be other ones. */
  async resume(): Promise<void> {
    this.isPaused = false;
    this.told.clear();
    await this.begin();
  }

  private async begin(): Promise<void> {
    for (const tool of await this.tools.listDesiredRunning()) {
      try {
        await this.registry.reconcile(tool, { mayStart: false });
      } catch (error) {
        // Also where single secrets were lost with a former key: a wrong key as such never comes this far.
        this.tell(tool.id, messageOf(error), () =>
          this.logger.error('A tool could not be started', error, { tool: tool.name }),
        );
      }
    }
    this.tickUnattended();
  }

  onModuleDestroy(): void {
    this.ended.abort();
    if (this.timer) clearTimeout(this.timer);
  }

  /** Compares and repairs once; at once over when the tick before is still at work (a database that hangs, many starts). */
  async tick(): Promise<void> {
    this.lastTickAt = this.clock.monotonic();
    if (this.current !== null || this.isPaused || this.ended.signal.aborted) return;
    this.current = this.repairAll();
    try {
      await this.current;
    } finally {
      this.current = null;
    }
  }

  /** Whatever a tick fails of, the next one comes. */
  private tickUnattended(): void {
    this.tick().catch((error: unknown) => this.logger.error('Tools could not be compared with what is wished', error));
  }

  private schedule(): void {
    const tickMs = TICK_MS * (0.9 + 0.2 * Math.random());
    this.timer = setTimeout(() => {
      this.tickUnattended();
      this.schedule();
    }, tickMs).unref();
  }

  private async repairAll(): Promise<void> {
    for (const id of await this.drifted()) {
      if (this.ended.signal.aborted || this.isPaused) return;
      if ((await this.repair(id)) === 'start') await this.stagger();
    }
  }

  /** The tools that seem to need repair; each is looked at once more, undisturbed, before anything is done. */
  private async drifted(): Promise<string[]> {
    try {
      const wishes = await this.tools.listWishes();
      const lives = new Map(this.supervisor.lives().map((life) => [life.toolId, life]));
      const ids = wishes.filter((wish) => repairFor(wish, lives.get(wish.id) ?? null) !== null).map(({ id }) => id);
      for (const { id } of wishes) lives.delete(id);
      if (this.told.delete(DATABASE)) this.logger.log('The wishes for tools can be read again');
      return [...ids, ...lives.keys()];
    } catch (error) {
      // Tools live on without a database; when it is back, so are we.
      this.tell(DATABASE, DATABASE, () =>
        this.logger.warn('The wishes for tools can not be read', { reason: messageOf(error) }),
      );
      return [];
    }
  }

  private async repair(id: string): Promise<string | null> {
    try {
      const repair = await this.registry.repair(id);
      this.told.delete(id);
      if (repair !== null) this.logger.debug('A tool was not as wished', { toolId: id, repair });
      return repair;
    } catch (error) {
      this.tell(id, messageOf(error), () =>
        this.logger.error('A tool could not be brought to what is wished', error, { toolId: id }),
      );
      return null;
    }
  }

  private tell(id: string, what: string, log: () => void): void {
    if (this.told.get(id) === what || this.ended.signal.aborted) return;
    this.told.set(id, what);
    log();
  }

  private async stagger(): Promise<void> {
    const pauseMs = STAGGER_MS * (0.5 + Math.random());
    await delay(pauseMs, undefined, { signal: this.ended.signal, ref: false }).catch(() => undefined);
  }
}
