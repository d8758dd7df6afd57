import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { ServiceIndicator } from './service.indicator';
import { HealthController } from './health.controller';

/**
 * Owns: the probes /health, /health/live, /health/ready, /health/startup.
 * Does not own: the state of single tools, which never makes the service unready.
 */
@Module({
  imports: [TerminusModule],
  controllers: [HealthController],
  providers: [ServiceIndicator],
})
export class HealthModule {}
