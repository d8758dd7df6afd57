import { Controller, Get } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { HealthCheck, type HealthCheckResult } from '@nestjs/terminus';
import { RequireRole } from '../auth/access.decorator';
import { SystemHealth } from './system-health';

@ApiTags('System')
@Controller('system')
@RequireRole('viewer')
export class SystemHealthController {
  constructor(private readonly health: SystemHealth) {}

  /** Health in detail: database, disk, recorder, how tools are kept from leaving processes over, which tools have failed, backups */
  @Get('health')
  @HealthCheck()
  @ApiOperation({ operationId: 'getSystemHealth' })
  check(): Promise<HealthCheckResult> {
    return this.health.check();
  }
}
