import { Module, type OnModuleInit } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { LoadShedder } from '../availability/load-shedder';
import { Maintenance } from '../availability/maintenance';
import { DatabaseWatch } from '../database/database-watch';
import { LiveViews } from '../events/live-views';
import { LogsModule } from '../logs/logs.module';
import { McpModule } from '../mcp/mcp.module';
import { SupervisorModule } from '../supervisor/supervisor.module';
import { ToolsModule } from '../tools/tools.module';
import { CallMeter } from './call-meter';
import { DiskIndicator } from './disk.indicator';
import { IntegrityCheckJob } from './integrity-check.job';
import { IntegrityIndicator } from './integrity.indicator';
import { OwnIndicators } from './own-indicators';
import { PrometheusController } from './prometheus.controller';
import { PrometheusService } from './prometheus.service';
import { RecorderIndicator } from './recorder.indicator';
import { StorageMeter } from './storage-meter';
import { SupervisorIndicator } from './supervisor.indicator';
import { SystemConfigController } from './system-config.controller';
import { SystemController } from './system.controller';
import { SystemFamilies } from './system-families';
import { SystemHealth } from './system-health';
import { SystemHealthController } from './system-health.controller';
import { SystemMeters } from './system-meters';
import { SystemMonitor } from './system-monitor';
import { SystemService } from './system.service';
import { ToolsIndicator } from './tools.indicator';
import { ToolsMeter } from './tools-meter';

/**
 * Owns: what is told of MCPS.ONE itself to those who run it: what it is, how it is and was, its health in detail, metrics
 * for Prometheus, its settings.
 * Does not own: the probes for orchestrators (health/), which know no tools and need no token.
 */
@Module({
  // A health that is down is in its answer, not in the log each time that somebody asks.
  imports: [TerminusModule.forRoot({ logger: false }), SupervisorModule, ToolsModule, LogsModule, McpModule],
  controllers: [SystemConfigController, SystemController, SystemHealthController, PrometheusController],
  providers: [
    ...[CallMeter, StorageMeter, ToolsMeter, SystemMeters, SystemMonitor, SystemService],
    ...[SystemFamilies, PrometheusService, IntegrityCheckJob],
    ...[SupervisorIndicator, ToolsIndicator, DiskIndicator, RecorderIndicator],
    ...[IntegrityIndicator, OwnIndicators, SystemHealth],
  ],
})
export class SystemModule implements OnModuleInit {
  constructor(
    private readonly system: SystemService,
    private readonly views: LiveViews,
    families: SystemFamilies,
    database: DatabaseWatch,
    maintenance: Maintenance,
    shedder: LoadShedder,
  ) {
    families.addPlatform(database, maintenance, shedder);
  }

  onModuleInit(): void {
    this.views.showSystemStatus(() => this.system.status());
  }
}
