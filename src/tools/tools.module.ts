import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuthModule } from '../auth/auth.module';
import { isRecent, Liveness } from '../availability/liveness';
import { LogsModule } from '../logs/logs.module';
import { McpModule } from '../mcp/mcp.module';
import { SupervisorModule } from '../supervisor/supervisor.module';
import { DefinitionIntake } from './definition-intake';
import { DefinitionPolicy } from './definition-policy';
import { KnownOfferings } from './known-offerings';
import { OfferingService } from './offering.service';
import { ToolBatchService } from './tool-batch.service';
import { ToolCatalogue } from './tool-catalogue';
import { ToolDefaults } from './tool-defaults';
import { ToolDirectory } from './tool-directory';
import { ToolExportService } from './tool-export.service';
import { ToolImportService } from './tool-import.service';
import { ToolMetricsCollector } from './tool-metrics-collector';
import { ToolMetricsController } from './tool-metrics.controller';
import { ToolMetricsService } from './tool-metrics.service';
import { ToolOffering } from './tool-offering.entity';
import { ToolProbeService } from './tool-probe.service';
import { ToolReconciler } from './tool-reconciler';
import { ToolRegistry } from './tool-registry';
import { ToolRuntimeController } from './tool-runtime.controller';
import { ToolRuntimeService } from './tool-runtime.service';
import { ToolScopeGuard } from './tool-scope.guard';
import { ToolSecrets } from './tool-secrets';
import { ToolStandstill } from './tool-standstill';
import { ToolStatuses } from './tool-statuses';
import { ToolTransferController } from './tool-transfer.controller';
import { Tool } from './tool.entity';
import { ToolRepository } from './tool.repository';
import { ToolsController } from './tools.controller';
import { ToolsService } from './tools.service';

/** Its ticks come every five seconds. */
const RECONCILER_LIMIT_MS = 60_000;

/**
 * Owns: the registry of tools: definitions, their secrets, what is wished; import and export; the routes to start, stop
 * and call them.
 * Does not own: processes and connections (supervisor/), what is recorded of them (logs/: told which values are secret).
 */
@Module({
  imports: [TypeOrmModule.forFeature([Tool, ToolOffering]), SupervisorModule, LogsModule, McpModule, AuthModule],
  controllers: [ToolTransferController, ToolRuntimeController, ToolMetricsController, ToolsController],
  providers: [
    ToolsService,
    ToolRuntimeService,
    ToolBatchService,
    ToolCatalogue,
    ToolImportService,
    ToolExportService,
    ToolProbeService,
    KnownOfferings,
    OfferingService,
    ToolMetricsCollector,
    ToolMetricsService,
    ToolReconciler,
    ToolDefaults,
    ToolDirectory,
    ToolRegistry,
    ToolRepository,
    ToolScopeGuard,
    ToolSecrets,
    ToolStandstill,
    ToolStatuses,
    DefinitionIntake,
    DefinitionPolicy,
  ],
  exports: [KnownOfferings, ToolCatalogue, ToolDirectory, ToolStandstill, ToolStatuses],
})
export class ToolsModule {
  constructor(reconciler: ToolReconciler, liveness: Liveness) {
    liveness.register({
      name: 'reconciler',
      isBeating: (look) => isRecent(reconciler.lastTickAt, RECONCILER_LIMIT_MS, look),
    });
  }
}
