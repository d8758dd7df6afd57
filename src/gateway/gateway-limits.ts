import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock';
import { AppConfig } from '../config/app-config';
import type { Principal } from '../auth/principal';
import { type Allowance, FixedWindow } from '../limits/fixed-window';

const WINDOW_MS = 60_000;
const MAX_KEYS = 10_000;

/** What one client may take of the gateway; the one place where these numbers are read. */
@Injectable()
export class GatewayLimits {
  private readonly rate: FixedWindow | null;

  constructor(
    private readonly config: AppConfig,
    clock: Clock,
  ) {
    const limit = config.gatewayRateLimitPerMinute;
    this.rate = limit === 0 ? null : new FixedWindow(clock, { limit, windowMs: WINDOW_MS, maxKeys: MAX_KEYS });
  }

  get bodyBytes(): number {
    return this.config.gatewayMaxBodyBytes;
  }

  get sessionsPerKey(): number {
    return this.config.gatewaySessionsPerKey;
  }

  get sessionsTotal(): number {
    return this.config.gatewaySessionsTotal;
  }

  get sessionIdleMs(): number {
    return this.config.gatewaySessionIdleMs;
  }

  get requestsPerSession(): number {
    return this.config.gatewayRequestsPerSession;
  }

  get requestsPerTool(): number {
    return this.config.gatewayRequestsPerTool;
  }

  get serversPerTool(): number {
    return this.config.gatewayServersPerTool;
  }

  /** Counts a message; null: there is no limit. */
  take({ type, id }: Principal): Allowance | null {
    return this.rate === null ? null : this.rate.take(`${type} ${id}`);
  }
}
