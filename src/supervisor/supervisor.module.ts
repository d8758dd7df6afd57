import { join } from 'node:path';
import { Module } from '@nestjs/common';
import { AppConfig } from '../config/app-config';
import { McpModule } from '../mcp/mcp.module';
import { Bubblewrap } from './bubblewrap';
import { GroupUsageReader } from './group-usage';
import { HealthMonitor } from './health-monitor';
import { hiddenPlaces } from './hidden-places';
import { ProcessGroupIsolation } from './isolation';
import { NodeProcessSpawner } from './node-process-spawner';
import { ProcessSpawner } from './process-spawner';
import { RunRecords } from './run-records';
import { ResourceSampler, SamplingTimes } from './resource-sampler';
import { SupervisorService } from './supervisor.service';

/**
 * Owns: processes and connections: spawn, lifecycle, health, stop, what they use.
 * Does not own: what is wished (tools/ tells it), tables, routes.
 */
@Module({
  imports: [McpModule],
  providers: [
    SupervisorService,
    HealthMonitor,
    GroupUsageReader,
    ResourceSampler,
    SamplingTimes,
    { provide: ProcessSpawner, inject: [AppConfig], useFactory: createSpawner },
  ],
  exports: [SupervisorService, HealthMonitor, ResourceSampler],
})
export class SupervisorModule {}

function createSpawner(config: AppConfig): ProcessSpawner {
  const path = config.environmentOfChildren.PATH ?? '';
  const isolation =
    config.mcpIsolation === 'bwrap' ? new Bubblewrap(hiddenPlaces(config), path) : new ProcessGroupIsolation();
  return new NodeProcessSpawner(new RunRecords(join(config.dataDir, 'runs')), isolation);
}
