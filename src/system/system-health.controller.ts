import { Controller, Get } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { HealthCheck, type HealthCheckResult, HealthCheckService } from '@nestjs/terminus';
import { RequireRole } from '../auth/access.decorator';
import { BackupIndicator } from '../backup/backup.indicator';
import { DatabaseIndicator } from '../database/database.indicator';
import { SupervisorIndicator } from './supervisor.indicator';
import { ToolsIndicator } from './tools.indicator';

@ApiTags('System')
@Controller('system')
@RequireRole('viewer')
export class SystemHealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly database: DatabaseIndicator,
    private readonly supervisor: SupervisorIndicator,
    private readonly tools: ToolsIndicator,
    private readonly backup: BackupIndicator,
  ) {}

  /** Health in detail: the database, how tools are kept from leaving processes over, which tools have failed, the backups */
  @Get('health')
  @HealthCheck()
  @ApiOperation({ operationId: 'getSystemHealth' })
  check(): Promise<HealthCheckResult> {
    return this.health.check([
      () => this.database.check('database'),
      () => this.supervisor.check('supervisor'),
      () => this.tools.check('tools'),
      () => this.backup.check('backup'),
    ]);
  }
}
