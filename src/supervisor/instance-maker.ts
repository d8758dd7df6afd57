import { join } from 'node:path';
import type { Logger } from '@nestjs/common';
import type { Clock } from '../common/clock';
import { newId } from '../common/ids';
import { Semaphore } from '../common/semaphore';
import { VERSION } from '../common/version';
import type { AppConfig } from '../config/app-config';
import { addressPolicyOf } from '../mcp/address-policy';
import { createGuardedFetch } from '../mcp/guarded-fetch';
import type { TrafficSink } from '../mcp/traffic';
import { installationId } from './installation-id';
import type { ProcessSpawner } from './process-spawner';
import { FIRST_DEFAULTS, type SupervisedTool, type ToolDefaults } from './supervised-tool';
import { type InstanceSurroundings, type OwnHandshake, ToolInstance } from './tool-instance';
import { DEFAULT_TIMES, type LifecycleTimes, SHUTDOWN_TIMES } from './tool-lifecycle';

/** How many tools start at once. */
const PARALLEL_STARTS = 4;
/** A start keeps its place among them this long at most: one that hangs must not hold up the others. */
const START_SLOT_MS = 5_000;

/** What one instance has of its own. */
export interface Given extends Pick<InstanceSurroundings, 'onChange' | 'stderrSink'> {
  sink: TrafficSink;
  /** Of the one client that the server is for; absent for a server that all share. */
  handshake?: OwnHandshake;
}

/** Makes the instances of all tools, and holds what they have in common, also while they live. */
export class InstanceMaker {
  /** Held for tools that say nothing of their own, those that run included. */
  defaults: Readonly<ToolDefaults> = FIRST_DEFAULTS;
  /** MCPS.ONE is about to end: whatever stops must be quick about it. */
  isHurried = false;
  private readonly starts = new Semaphore(PARALLEL_STARTS);
  /** Tells our children from those of another MCPS.ONE on this machine, also after a restart. */
  private readonly installation: string;
  private readonly remoteFetch: typeof fetch;

  constructor(
    private readonly spawner: ProcessSpawner,
    private readonly config: AppConfig,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {
    this.installation = installationId(join(config.dataDir, 'installation-id'));
    this.remoteFetch = createGuardedFetch(addressPolicyOf(config));
  }

  /** What the markers of all our children begin with. */
  get markerPrefix(): string {
    return `${this.installation}:`;
  }

  make(tool: SupervisedTool, { sink, onChange, stderrSink, handshake }: Given): ToolInstance {
    const times = (): LifecycleTimes => (this.isHurried ? SHUTDOWN_TIMES : DEFAULT_TIMES);
    const defaults = (): ToolDefaults => this.defaults;
    return new ToolInstance(tool, {
      get times() {
        return times();
      },
      get defaults() {
        return defaults();
      },
      spawner: this.spawner,
      sink,
      clientInfo: { name: 'mcps-one', version: VERSION },
      environment: this.config.environmentOfChildren,
      passthrough: this.config.mcpEnvPassthrough,
      maxMessageBytes: this.config.mcpMaxMessageBytes,
      remoteFetch: this.remoteFetch,
      // What carries a marker is ended with its instance: a server of one client must not take that of all others along.
      marker: `${this.markerPrefix}${handshake === undefined ? tool.id : `own-${newId()}`}`,
      clock: this.clock,
      starts: this.starts,
      slotMs: START_SLOT_MS,
      onNoise: ({ name }, line) =>
        this.logger.debug('A tool wrote something that is no MCP message', { tool: name, line }),
      onChange,
      onFault: ({ name }, what, error) => this.logger.error(what, error, { tool: name }),
      stderrSink,
      handshake,
    });
  }
}
