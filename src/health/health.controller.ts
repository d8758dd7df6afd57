import { Controller, Get } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { HealthCheck, type HealthCheckResult } from '@nestjs/terminus';
import { Public } from '../auth/access.decorator';
import { DatabaseIndicator } from '../database/database.indicator';
import { LivenessIndicator } from './liveness.indicator';
import { MigrationsIndicator } from './migrations.indicator';
import { probeReport } from './probe-report';
import { ServiceIndicator } from './service.indicator';

/**
 * Probes for Kubernetes and people (outside the base path). All of them answer from what is known already, so that nothing
 * that is slow makes a probe slow. A managed tool that fails is no reason to be unready.
 */
@ApiTags('Health')
@Controller('health')
@Public()
export class HealthController {
  constructor(
    private readonly database: DatabaseIndicator,
    private readonly migrations: MigrationsIndicator,
    private readonly service: ServiceIndicator,
    private readonly liveness: LivenessIndicator,
  ) {}

  /** All of it in short */
  @Get()
  @HealthCheck()
  @ApiOperation({ operationId: 'getHealth' })
  check(): HealthCheckResult {
    return probeReport(...this.readiness(), this.liveness.check('process'));
  }

  /** The process works; never fails because a dependency does */
  @Get('live')
  @HealthCheck()
  @ApiOperation({ operationId: 'getLiveness' })
  live(): HealthCheckResult {
    return probeReport(this.liveness.check('process'));
  }

  /** Requests can be served: the database answers and is migrated, neither shutdown nor maintenance has begun */
  @Get('ready')
  @HealthCheck()
  @ApiOperation({ operationId: 'getReadiness' })
  ready(): HealthCheckResult {
    return probeReport(...this.readiness());
  }

  /** Configuration read, migrations done, HTTP up */
  @Get('startup')
  @HealthCheck()
  @ApiOperation({ operationId: 'getStartup' })
  startup(): HealthCheckResult {
    // The first answer of any kind proves it: HTTP opens after all of that.
    return probeReport();
  }

  private readiness() {
    return [this.database.check('database'), this.migrations.check('migrations'), this.service.check('service')];
  }
}
