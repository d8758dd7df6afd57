import { Module } from '@nestjs/common';
import { TrafficTap } from './traffic-tap';

/**
 * Owns: the protocol itself: framing, peers, revisions, transports.
 * Does not own: processes (supervisor/), what is recorded where (logs/).
 */
@Module({ providers: [TrafficTap], exports: [TrafficTap] })
export class McpModule {}
