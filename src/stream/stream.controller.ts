import type { OutgoingHttpHeaders } from 'node:http';
import { Controller, Get, Headers, Query, Req, Res } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { RequireRole, ScopedKeys } from '../auth/access.decorator';
import { CurrentPrincipal, type Principal } from '../auth/principal';
import { ApiProblems } from '../common/api-problems.decorator';
import { currentRequest } from '../common/request-context';
import { fromEventId } from './event-id';
import { EventsQuery } from './stream.dto';
import { StreamFilters } from './stream-filters';
import { StreamHub } from './stream-hub';

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  // nginx would keep events back until it has a buffer full.
  'x-accel-buffering': 'no',
};

@ApiTags('Events')
@Controller('events')
@RequireRole('viewer')
export class StreamController {
  constructor(
    private readonly hub: StreamHub,
    private readonly filters: StreamFilters,
  ) {}

  /**
   * What happens, as it happens (server-sent events)
   *
   * It begins with the state of all that is shown (`tool.status`, `backup`, `system.status`), then come the entries of the logs
   * that came after `Last-Event-ID` (or `gap`, where they can't be had), then `ready`, and from there on all is live. Data are
   * those of the REST routes; `log.mcp` has no payload, `tool.status` is `{id, name, status}`, with `status: null` of a tool
   * that was deleted. It ends with `shutdown`, `expired` or `revoked`, and a reader that does not keep up is cut.
   */
  @Get()
  @ScopedKeys()
  @ApiOperation({ operationId: 'streamEvents' })
  @ApiHeader({ name: 'Last-Event-ID', required: false, description: 'Id of the last event seen, to go on after it' })
  @ApiOkResponse({ description: 'The stream', content: { 'text/event-stream': { schema: { type: 'string' } } } })
  @ApiProblems({
    404: 'There is no such tool',
    503: 'As many streams are open as may be, or MCPS.ONE is shutting down',
  })
  async stream(
    @Query() query: EventsQuery,
    @Headers('last-event-id') lastEventId: string | undefined,
    @CurrentPrincipal() principal: Principal,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const filter = await this.filters.of(query, principal);
    const from = lastEventId === undefined || lastEventId === '' ? null : fromEventId(lastEventId);
    if (request.method === 'HEAD') {
      void reply.headers(HEADERS).send();
      return;
    }
    const startedAt = currentRequest()?.startedAt ?? 0;
    const stream = await this.hub.open({ principal, filter, response: reply.raw, startedAt });
    reply.hijack();
    stream.begin({ ...(reply.getHeaders() as OutgoingHttpHeaders), ...HEADERS });
    // It goes on after the request is done with: nobody waits for it.
    void this.hub.run(stream, from);
  }
}
