import { Injectable } from '@nestjs/common';
import { addressKey } from '../common/client-address';
import { Clock } from '../common/clock';
import { AppConfig } from '../config/app-config';
import { type Allowance, FixedWindow } from './fixed-window';

const WINDOW_MS = 60_000;
/** Callers remembered at once, about 1 MB; the oldest go first. */
const MAX_KEYS = 10_000;

/**
 * How many requests a minute are answered: of each known caller (RATE_LIMIT_PER_MINUTE), of each address whose credentials
 * are refused (the same number), and of each address at the routes that take passwords (AUTH_RATE_LIMIT_PER_MINUTE).
 * Null: there is no limit.
 */
@Injectable()
export class RequestLimits {
  private readonly callers: FixedWindow | null;
  private readonly addresses: FixedWindow | null;

  constructor(config: AppConfig, clock: Clock) {
    const windowOf = (limit: number) =>
      limit === 0 ? null : new FixedWindow(clock, { limit, windowMs: WINDOW_MS, maxKeys: MAX_KEYS });
    this.callers = windowOf(config.rateLimitPerMinute);
    this.addresses = windowOf(config.authRateLimitPerMinute);
  }

  takeOfPrincipal(principal: { type: string; id: string }): Allowance | null {
    return this.callers?.take(`${principal.type} ${principal.id}`) ?? null;
  }

  takeOfUnknown(address: string): Allowance | null {
    return this.callers?.take(`address ${addressKey(address)}`) ?? null;
  }

  takeAtAuthRoute(address: string): Allowance | null {
    return this.addresses?.take(addressKey(address)) ?? null;
  }
}
