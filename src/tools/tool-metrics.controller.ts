import { Controller, Get, Param, Query, UseGuards } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequireRole, ScopedKeys } from '../auth/access.decorator';
import { SeriesQuery } from '../metrics/series.dto';
import { ToolMetricsView } from './tool-metrics.dto';
import { ToolMetricsService } from './tool-metrics.service';
import { ToolScopeGuard } from './tool-scope.guard';

@ApiTags('Tools at work')
@Controller('tools')
@RequireRole('viewer')
@ScopedKeys()
@UseGuards(ToolScopeGuard)
export class ToolMetricsController {
  constructor(private readonly metrics: ToolMetricsService) {}

  /** CPU, memory, calls, errors and response times of a tool, as a series */
  @Get(':tool/metrics')
  @ApiOperation({ operationId: 'getToolMetrics' })
  read(@Param('tool') tool: string, @Query() query: SeriesQuery): Promise<ToolMetricsView> {
    return this.metrics.read(tool, query);
  }
}
