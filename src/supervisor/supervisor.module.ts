import { Module } from '@nestjs/common';
import { McpModule } from '../mcp/mcp.module';
import { GroupUsageReader } from './group-usage';
import { NodeProcessSpawner } from './node-process-spawner';
import { ProcessSpawner } from './process-spawner';
import { SupervisorService } from './supervisor.service';

/**
 * Owns: processes and connections: spawn, lifecycle, stop, what they use.
 * Does not own: what is wished (tools/ tells it), tables, routes.
 */
@Module({
  imports: [McpModule],
  providers: [SupervisorService, GroupUsageReader, { provide: ProcessSpawner, useClass: NodeProcessSpawner }],
  exports: [SupervisorService],
})
export class SupervisorModule {}
