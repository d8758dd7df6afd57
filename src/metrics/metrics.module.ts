import { Global, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { HttpMeter } from './http-meter';
import { MetricFamilies } from './metric-families';
import { MetricPointRow } from './metric-point.entity';
import { MetricPointRepository } from './metric-point.repository';
import { MetricRollUp } from './metric-roll-up';
import { MetricStore } from './metric-store';
import { MetricWriter } from './metric-writer';
import { Readings } from './readings';

/**
 * Owns: series of measured values: their steps in memory, their minutes and hours in a table, how they merge; what
 * `GET /metrics` shows, of whoever registers it.
 * Does not own: what is measured and what it is called; routes.
 */
@Global()
@Module({
  imports: [TypeOrmModule.forFeature([MetricPointRow])],
  providers: [MetricStore, MetricWriter, MetricRollUp, MetricPointRepository, MetricFamilies, HttpMeter, Readings],
  exports: [MetricStore, MetricFamilies, HttpMeter, Readings],
})
export class MetricsModule {}
