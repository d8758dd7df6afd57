import { Global, Module } from '@nestjs/common';
import { HealthParts } from './health-parts';
import { Liveness } from './liveness';
import { LoadShedder } from './load-shedder';
import { Maintenance } from './maintenance';
import { RestoreWatch } from './restore-watch';
import { OpenRequests } from './open-requests';
import { ShutdownCoordinator } from './shutdown-coordinator';

/** What is not answered by then is cut off with its connection. */
const DRAIN_MS = 4_900;

/**
 * Owns: whether MCPS.ONE takes work: maintenance, the requests under way, the order in which everything ends,
 * and what is known of its health.
 * Does not own: what is to be ended (those who have it register a step), the probes that tell of it (health/).
 */
@Global()
@Module({
  providers: [Maintenance, RestoreWatch, OpenRequests, ShutdownCoordinator, LoadShedder, Liveness, HealthParts],
  exports: [Maintenance, RestoreWatch, OpenRequests, ShutdownCoordinator, LoadShedder, Liveness, HealthParts],
})
export class AvailabilityModule {
  constructor(shutdown: ShutdownCoordinator, open: OpenRequests) {
    shutdown.register({
      name: 'requests under way',
      phase: 'drain',
      run: async () => {
        await open.idle(DRAIN_MS);
      },
    });
  }
}
