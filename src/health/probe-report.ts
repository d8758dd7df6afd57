import { ServiceUnavailableException } from '@nestjs/common';
import type { HealthCheckResult, HealthIndicatorResult } from '@nestjs/terminus';

/**
 * The answer of a probe in Terminus' own shape. Its service is not asked: it calls everything down as soon as a shutdown
 * begins, also what is alive. @throws ServiceUnavailableException with the same body where something is down
 */
export function probeReport(...results: HealthIndicatorResult[]): HealthCheckResult {
  const details = results.reduce<HealthIndicatorResult>((all, result) => ({ ...all, ...result }), {});
  const part = (isUp: boolean) =>
    Object.fromEntries(Object.entries(details).filter(([, { status }]) => (status === 'up') === isUp));
  const [info, error] = [part(true), part(false)];
  if (Object.keys(error).length === 0) return { status: 'ok', info, error, details };
  throw new ServiceUnavailableException({ status: 'error', info, error, details });
}
