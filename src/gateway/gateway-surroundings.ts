import { Injectable } from '@nestjs/common';
import { LoadShedder } from '../availability/load-shedder';
import { Maintenance } from '../availability/maintenance';
import { ShutdownCoordinator } from '../availability/shutdown-coordinator';
import { Readings } from '../metrics/readings';

/** What of the house the gateway takes part in as a whole. */
@Injectable()
export class GatewaySurroundings {
  constructor(
    readonly shutdown: ShutdownCoordinator,
    readonly maintenance: Maintenance,
    readonly shedder: LoadShedder,
    readonly readings: Readings,
  ) {}
}
