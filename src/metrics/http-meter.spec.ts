import { HttpMeter } from './http-meter';
import { MetricFamilies } from './metric-families';

describe('requests over HTTP', () => {
  it('are counted by method, route template and status; what is no route or method of ours is `other`', () => {
    const families = new MetricFamilies();
    const meter = new HttpMeter(families);
    meter.add({ method: 'GET', route: '/api/v1/tools/:tool', status: 200, ms: 3 });
    meter.add({ method: 'GET', route: '/api/v1/tools/:tool', status: 404, ms: 3 });
    for (let n = 0; n < 100; n++) meter.add({ method: `X${n}`, route: undefined, status: 404, ms: 1 });
    const [counts, durations] = [...families.all].map(({ collect }) => [...collect()]);
    expect(counts).toEqual([
      { labels: { method: 'GET', route: '/api/v1/tools/:tool', status: '200' }, value: 1 },
      { labels: { method: 'GET', route: '/api/v1/tools/:tool', status: '404' }, value: 1 },
      { labels: { method: 'other', route: 'other', status: '404' }, value: 100 },
    ]);
    expect(durations?.filter(({ suffix }) => suffix === '_count').map(({ value }) => value)).toEqual([2, 100]);
    expect(meter.requests).toBe(102);
  });
});
