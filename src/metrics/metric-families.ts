import { Injectable } from '@nestjs/common';

export interface MetricSample {
  /** Of a histogram. */
  suffix?: '_bucket' | '_sum' | '_count';
  labels: Readonly<Record<string, string>>;
  value: number;
}

/** One name at `GET /metrics` and how its values are read when somebody asks. Labels must be few and their values bounded. */
export interface MetricFamily {
  name: `mcps_${string}`;
  help: string;
  type: 'gauge' | 'counter' | 'histogram';
  collect: () => Iterable<MetricSample>;
}

/**
 * What `GET /metrics` shows. Values stay with those who have them and are read when they are asked for, so a metric that
 * nobody scrapes costs nothing, and what is gone (a deleted tool) is gone here as well.
 */
@Injectable()
export class MetricFamilies {
  private readonly families = new Map<string, MetricFamily>();

  register(family: MetricFamily): void {
    if (this.families.has(family.name)) throw new Error(`There is a metric ${family.name} already`);
    this.families.set(family.name, family);
  }

  /** One value without labels; null: there is none now. */
  value(type: 'gauge' | 'counter', name: MetricFamily['name'], help: string, read: () => number | null): void {
    const collect = function* (): Generator<MetricSample> {
      const value = read();
      if (value !== null) yield { labels: {}, value };
    };
    this.register({ name, help, type, collect });
  }

  get all(): Iterable<MetricFamily> {
    return this.families.values();
  }
}
