import { Injectable } from '@nestjs/common';
import { addressKey } from '../common/client-address';
import { Clock } from '../common/clock';
import { Settings } from '../settings/settings';
import { type Allowance, FixedWindow } from './fixed-window';

const WINDOW_MS = 60_000;
/** Callers remembered at once, about 1 MB; the oldest go first. */
const MAX_KEYS = 10_000;

/**
 * How many requests a minute are answered: of each known caller (`limits.requestsPerMinute`), of each address whose
 * credentials are refused (the same number), and of each address at the routes that take passwords
 * (`limits.authRequestsPerMinute`). Null: there is no limit.
 */
@Injectable()
export class RequestLimits {
  private readonly callers: FixedWindow;
  private readonly addresses: FixedWindow;

  constructor(
    private readonly settings: Settings,
    clock: Clock,
  ) {
    this.callers = new FixedWindow(clock, { windowMs: WINDOW_MS, maxKeys: MAX_KEYS });
    this.addresses = new FixedWindow(clock, { windowMs: WINDOW_MS, maxKeys: MAX_KEYS });
  }

  takeOfPrincipal(principal: { type: string; id: string }): Allowance | null {
    return take(this.callers, `${principal.type} ${principal.id}`, this.settings.get('limits.requestsPerMinute'));
  }

  takeOfUnknown(address: string): Allowance | null {
    return take(this.callers, `address ${addressKey(address)}`, this.settings.get('limits.requestsPerMinute'));
  }

  takeAtAuthRoute(address: string): Allowance | null {
    return take(this.addresses, addressKey(address), this.settings.get('limits.authRequestsPerMinute'));
  }
}

function take(window: FixedWindow, key: string, limit: number): Allowance | null {
  return limit === 0 ? null : window.take(key, limit);
}
