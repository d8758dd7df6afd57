import { Global, Module } from '@nestjs/common';
import { Events } from './events';

/**
 * Owns: the facts that parts of MCPS.ONE tell each other, and how they are told.
 * Does not own: commands; those are calls to an exported service.
 */
@Global()
@Module({ providers: [Events], exports: [Events] })
export class EventsModule {}
