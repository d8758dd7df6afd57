import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { Principal } from '../auth/principal';
import { Clock } from '../common/clock';
import { type Allowance, FixedWindow } from '../limits/fixed-window';
import type { SettingKey } from '../settings/catalogue';
import { Settings } from '../settings/settings';

const WINDOW_MS = 60_000;
const MAX_KEYS = 10_000;
const KEYS = [
  ...(['gateway.maxBodyBytes', 'gateway.sessionsPerKey', 'gateway.sessionsTotal'] as const),
  ...(['gateway.sessionIdleSeconds', 'gateway.requestsPerSession', 'gateway.requestsPerTool'] as const),
  ...(['gateway.serversPerTool', 'gateway.messagesPerMinute'] as const),
] satisfies SettingKey[];

/** What one client may take of the gateway, as the settings say it now; kept here, since each request asks for some of it. */
@Injectable()
export class GatewayLimits implements OnModuleDestroy {
  bodyBytes = 0;
  sessionsPerKey = 0;
  sessionsTotal = 0;
  sessionIdleMs = 0;
  requestsPerSession = 0;
  requestsPerTool = 0;
  serversPerTool = 0;
  private messagesPerMinute = 0;
  private readonly rate: FixedWindow;
  private readonly stopListening: () => void;

  constructor(
    private readonly settings: Settings,
    clock: Clock,
  ) {
    this.rate = new FixedWindow(clock, { windowMs: WINDOW_MS, maxKeys: MAX_KEYS });
    this.read();
    this.stopListening = settings.onChange(KEYS, () => this.read());
  }

  onModuleDestroy(): void {
    this.stopListening();
  }

  /** Counts a message; null: there is no limit. */
  take({ type, id }: Principal): Allowance | null {
    return this.messagesPerMinute === 0 ? null : this.rate.take(`${type} ${id}`, this.messagesPerMinute);
  }

  private read(): void {
    const { settings } = this;
    this.bodyBytes = settings.get('gateway.maxBodyBytes');
    this.sessionsPerKey = settings.get('gateway.sessionsPerKey');
    this.sessionsTotal = settings.get('gateway.sessionsTotal');
    this.sessionIdleMs = settings.get('gateway.sessionIdleSeconds') * 1000;
    this.requestsPerSession = settings.get('gateway.requestsPerSession');
    this.requestsPerTool = settings.get('gateway.requestsPerTool');
    this.serversPerTool = settings.get('gateway.serversPerTool');
    this.messagesPerMinute = settings.get('gateway.messagesPerMinute');
  }
}
