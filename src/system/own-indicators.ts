import { Injectable } from '@nestjs/common';
import { DatabaseIndicator } from '../database/database.indicator';
import { DiskIndicator } from './disk.indicator';
import { IntegrityIndicator } from './integrity.indicator';
import { RecorderIndicator } from './recorder.indicator';
import { SupervisorIndicator } from './supervisor.indicator';
import { ToolsIndicator } from './tools.indicator';

/** What this module itself says of our health. */
@Injectable()
export class OwnIndicators {
  constructor(
    readonly database: DatabaseIndicator,
    readonly integrity: IntegrityIndicator,
    readonly disk: DiskIndicator,
    readonly recorder: RecorderIndicator,
    readonly supervisor: SupervisorIndicator,
    readonly tools: ToolsIndicator,
  ) {}
}
