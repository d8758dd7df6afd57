import { Controller, Get, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { RequireRole } from '../auth/access.decorator';
import { PrometheusService } from './prometheus.service';

/** Outside the base path, where scrapers look for it. */
@ApiTags('Health')
@Controller('metrics')
@RequireRole('viewer')
export class PrometheusController {
  constructor(private readonly prometheus: PrometheusService) {}

  /** Metrics for Prometheus: send an API key as bearer token */
  @Get()
  @ApiOperation({ operationId: 'getPrometheusMetrics' })
  @ApiProduces('text/plain')
  @ApiOkResponse({ schema: { type: 'string' } })
  async scrape(@Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    const { text, contentType } = await this.prometheus.render();
    void reply.header('content-type', contentType).header('cache-control', 'no-store');
    return text;
  }
}
