import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module';
import { LogsModule } from '../logs/logs.module';
import { ToolsModule } from '../tools/tools.module';
import { LogReplay } from './log-replay';
import { StreamController } from './stream.controller';
import { StreamFilters } from './stream-filters';
import { StreamHub } from './stream-hub';
import { StreamPlaces } from './stream-places';
import { StreamStates } from './stream-states';

/**
 * Owns: GET /events: who is connected, what each may see, where each stands, when each ends.
 * Does not own: what it shows: the logs (logs/), tools (tools/), and what is registered with LiveViews (events/).
 */
@Module({
  imports: [AuthModule, LogsModule, ToolsModule],
  controllers: [StreamController],
  providers: [StreamHub, StreamStates, StreamPlaces, StreamFilters, LogReplay],
})
export class StreamModule {}
