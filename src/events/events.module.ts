import { Global, Module } from '@nestjs/common';
import { Events } from './events';
import { LiveViews } from './live-views';

/**
 * Owns: the facts that parts of MCPS.ONE tell each other, how they are told, and how what they name is shown.
 * Does not own: commands; those are calls to an exported service.
 */
@Global()
@Module({ providers: [Events, LiveViews], exports: [Events, LiveViews] })
export class EventsModule {}
