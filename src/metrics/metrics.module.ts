import { Global, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { MetricPointRow } from './metric-point.entity';
import { MetricPointRepository } from './metric-point.repository';
import { MetricRollUp } from './metric-roll-up';
import { MetricStore } from './metric-store';
import { MetricWriter } from './metric-writer';

/**
 * Owns: series of measured values: their steps in memory, their minutes and hours in a table, how they merge.
 * Does not own: what is measured and what it is called; routes.
 */
@Global()
@Module({
  imports: [TypeOrmModule.forFeature([MetricPointRow])],
  providers: [MetricStore, MetricWriter, MetricRollUp, MetricPointRepository],
  exports: [MetricStore],
})
export class MetricsModule {}
