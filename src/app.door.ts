import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { Maintenance } from './availability/maintenance';
import { OpenRequests } from './availability/open-requests';
import { ShutdownCoordinator } from './availability/shutdown-coordinator';
import type { AppConfig } from './config/app-config';

/**
 * Who is let in at all: in maintenance nobody, but to see how it goes (a backup's own page tells of a restore); in a shutdown
 * those who only read, because what changes something could not be finished. Requests that are let in are counted until their
 * connection is done with them.
 */
export function watchDoor(app: NestFastifyApplication, config: AppConfig): void {
  const [maintenance, open, shutdown] = [app.get(Maintenance), app.get(OpenRequests), app.get(ShutdownCoordinator)];
  const backup = `${config.apiPrefix}/system/backups/`;
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('preParsing', (request, reply, body, done) => {
      // Not earlier: the headers that let pages of other origins read the answer are set by then.
      // Whoever comes again is to come to another one of us.
      if (shutdown.isShuttingDown) void reply.header('connection', 'close');
      if (!isOfApi(request, config)) {
        done(null, body);
        return;
      }
      try {
        if (!(isRead(request) && isPageOf(request, backup))) maintenance.assertOpen();
        if (!isRead(request)) shutdown.assertRunning();
      } catch (error) {
        done(error as Error);
        return;
      }
      open.begin(request.raw);
      reply.raw.once('close', () => open.end(request.raw));
      done(null, body);
    });
}

/** Not the probes, the metrics, the documentation and the pages of the dashboard. */
function isOfApi({ url }: FastifyRequest, { apiPrefix }: AppConfig): boolean {
  return url.startsWith(apiPrefix) && /^[/?]|^$/.test(url.slice(apiPrefix.length));
}

function isRead({ method }: FastifyRequest): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
}

/** `/system/backups/{id}`, and nothing below it. */
function isPageOf({ url }: FastifyRequest, folder: string): boolean {
  return url.startsWith(folder) && /^[^/?]+(\?|$)/.test(url.slice(folder.length));
}
