import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { BackupModule } from '../backup/backup.module';
import { SupervisorModule } from '../supervisor/supervisor.module';
import { SupervisorIndicator } from './supervisor.indicator';
import { SystemConfigController } from './system-config.controller';
import { SystemHealthController } from './system-health.controller';
import { ToolsIndicator } from './tools.indicator';

/**
 * Owns: what is told of MCPS.ONE itself to those who run it: its health in detail, its settings.
 * Does not own: the probes for orchestrators (health/), which know no tools and need no token.
 */
@Module({
  imports: [TerminusModule, SupervisorModule, BackupModule],
  controllers: [SystemConfigController, SystemHealthController],
  providers: [SupervisorIndicator, ToolsIndicator],
})
export class SystemModule {}
