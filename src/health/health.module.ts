import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { HealthController } from './health.controller';
import { LivenessIndicator } from './liveness.indicator';
import { MigrationsIndicator } from './migrations.indicator';
import { ServiceIndicator } from './service.indicator';

/**
 * Owns: the probes /health, /health/live, /health/ready, /health/startup.
 * Does not own: what is known of our health (availability/, database/), the state of single tools, which never makes the
 * service unready.
 */
@Module({
  imports: [TerminusModule],
  controllers: [HealthController],
  providers: [LivenessIndicator, MigrationsIndicator, ServiceIndicator],
})
export class HealthModule {}
