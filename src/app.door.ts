import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { BODY_LIMIT_BYTES } from './app.http';
import { LoadShedder } from './availability/load-shedder';
import { Maintenance } from './availability/maintenance';
import { RestoreWatch } from './availability/restore-watch';
import { OpenRequests } from './availability/open-requests';
import { ShutdownCoordinator } from './availability/shutdown-coordinator';
import type { AppConfig } from './config/app-config';

/**
 * Who is let in at all: in maintenance nobody, but whoever asked for a restore, to see how it goes; in a shutdown
 * those who only read, because what changes something could not be finished; and nobody there is no memory for. Requests that are let in are counted until their
 * connection is done with them.
 */
export function watchDoor(app: NestFastifyApplication, config: AppConfig): void {
  const [maintenance, shutdown] = [app.get(Maintenance), app.get(ShutdownCoordinator)];
  const [open, shedder] = [app.get(OpenRequests), app.get(LoadShedder)];
  const [backup, watch] = [`${config.apiPrefix}/system/backups/`, app.get(RestoreWatch)];
  const isWatching = (request: FastifyRequest): boolean =>
    isRead(request) && isPageOf(request, backup) && watch.watcherWith(request.headers) !== null;
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
        if (!isWatching(request)) maintenance.assertOpen();
        if (!isRead(request)) shutdown.assertRunning();
        shedder.admit(request.raw, bodyBytesOf(request));
      } catch (error) {
        done(error as Error);
        return;
      }
      open.begin(request.raw);
      reply.raw.once('close', () => {
        open.end(request.raw);
        shedder.release(request.raw);
      });
      done(null, body);
    });
}

/** Not the probes, the metrics, the documentation and the pages of the dashboard. */
function isOfApi({ url }: FastifyRequest, { apiPrefix }: AppConfig): boolean {
  return url.startsWith(apiPrefix) && /^[/?]|^$/.test(url.slice(apiPrefix.length));
}

/** Of a body without a length: what it may have at most. */
function bodyBytesOf({ headers }: FastifyRequest): number {
  const length = Number(headers['content-length'] ?? 0);
  if (headers['transfer-encoding'] !== undefined) return BODY_LIMIT_BYTES;
  // One that says more than it may have is refused before it is read.
  return Number.isFinite(length) ? Math.min(length, BODY_LIMIT_BYTES) : 0;
}

function isRead({ method }: FastifyRequest): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
}

/** `/system/backups/{id}`, and nothing below it. */
function isPageOf({ url }: FastifyRequest, folder: string): boolean {
  return url.startsWith(folder) && /^[^/?]+(\?|$)/.test(url.slice(folder.length));
}
