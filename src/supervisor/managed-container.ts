import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { type ClientLimits, ContainerEngineError, killContainer, removeContainers } from './container-engine';
import type { ContainerRun } from './container-run';

/** How long after a failure the engine is asked again, at first and at most, in milliseconds. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

const ADVICE =
  'Does the engine run, and may this user use it? `docker ps --filter label=mcps.tool` lists our containers';

/** The container behind a tool whose program is the client of an engine: it has to be ended by the engine. */
export class ManagedContainer {
  private readonly logger = new Logger('Containers');

  constructor(
    private readonly run: ContainerRun,
    private readonly limits?: ClientLimits,
  ) {}

  /** The last rung of the ladder: SIGKILL for the container, as its client gets it from us. Never throws. */
  kill(): void {
    killContainer(this.run, this.limits).catch((error: unknown) => {
      // It may be gone already, with its client; `gone` looks whether it is.
      this.logger.debug('A container could not be killed', { tool: this.run.toolId, reason: reasonOf(error) });
    });
  }

  /**
   * Resolves when no container of the tool is left, however often the engine has to be asked: until then the tool counts
   * as not stopped. Gives up when `signal` is aborted.
   */
  async gone(signal: AbortSignal): Promise<void> {
    for (let pauseMs = FIRST_PAUSE_MS; !signal.aborted; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      try {
        const count = await removeContainers(this.run, 'tool', this.limits);
        if (count > 0) {
          this.logger.log('A container that its client had left behind was removed', { tool: this.run.toolId, count });
        }
        return;
      } catch (error) {
        this.warn(error);
        // A client that is not there any more will not answer the next time either.
        if (error instanceof ContainerEngineError && error.isMissing) return;
      }
      await delay(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  private warn(error: unknown): void {
    this.logger.warn('It is not known whether a container still runs', {
      tool: this.run.toolId,
      reason: reasonOf(error),
      advice: ADVICE,
    });
  }
}

/**
 * Removes what earlier runs of ours have left in the engines that they used, each asked once. Resolves with how many there
 * were, and with the runs whose engine did not answer. Never rejects.
 */
export async function removeLeftContainers<T extends { container: ContainerRun }>(
  runs: readonly T[],
  limits?: ClientLimits,
): Promise<{ count: number; unanswered: T[] }> {
  const logger = new Logger('Containers');
  const engines = new Map<string, T[]>();
  for (const run of runs) {
    const { command, globals, env, installation } = run.container;
    const key = JSON.stringify([command, globals, Object.entries(env).sort(), installation]);
    engines.set(key, [...(engines.get(key) ?? []), run]);
  }
  const answers = await Promise.all(
    [...engines.values()].map(async (group) => {
      const [first] = group;
      if (first === undefined) return { count: 0, unanswered: [] };
      try {
        return { count: await removeContainers(first.container, 'installation', limits), unanswered: [] };
      } catch (error) {
        const isMissing = error instanceof ContainerEngineError && error.isMissing;
        logger.warn('It is not known whether containers of an earlier run still run', {
          reason: reasonOf(error),
          advice: ADVICE,
        });
        return { count: 0, unanswered: isMissing ? [] : group };
      }
    }),
  );
  return {
    count: answers.reduce((sum, { count }) => sum + count, 0),
    unanswered: answers.flatMap(({ unanswered }) => unanswered),
  };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
