import { Controller, Get, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequireRole } from '../auth/access.decorator';
import { SeriesQuery } from '../metrics/series.dto';
import { SystemMetricsView } from './system-metrics.dto';
import { SystemInfoView, SystemStatusView } from './system.dto';
import { SystemService } from './system.service';

@ApiTags('System')
@Controller('system')
@RequireRole('viewer')
export class SystemController {
  constructor(private readonly system: SystemService) {}

  /** What this MCPS.ONE is: versions, platform, database, revisions of MCP */
  @Get('info')
  @ApiOperation({ operationId: 'getSystemInfo' })
  info(): Promise<SystemInfoView> {
    return this.system.info();
  }

  /** How it is now: use of the machine, tools, clients, recorder, database, backups, jobs */
  @Get('status')
  @ApiOperation({ operationId: 'getSystemStatus' })
  status(): Promise<SystemStatusView> {
    return this.system.status();
  }

  /** How it was: the status as a series */
  @Get('metrics')
  @ApiOperation({ operationId: 'getSystemMetrics' })
  metrics(@Query() query: SeriesQuery): Promise<SystemMetricsView> {
    return this.system.metrics(query);
  }
}
