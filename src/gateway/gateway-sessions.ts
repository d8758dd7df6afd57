import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { Principal } from '../auth/principal';
import { PrincipalRevocations, type Revocation } from '../auth/principal-revocations';
import { everySeconds } from '../common/ticks';
import { TooManySessionsError } from './gateway.errors';
import { GatewayLimits } from './gateway-limits';
import type { GatewaySession, SessionKeeper } from './gateway-session';
import { isExpired, isMeant } from './whose';

const BEAT_SECONDS = 15;
const SWEEP_SECONDS = 5;
/** At the limit, a session that has been silent for so long makes room for a new one. */
const SPARE_AFTER_MS = 60_000;

/** All sessions of the gateway: who has which, how many there may be, and when one is over. */
@Injectable()
export class GatewaySessions implements SessionKeeper, OnModuleInit, OnModuleDestroy {
  private readonly sessions = new Map<string, GatewaySession>();
  private readonly countOf = new Map<string, number>();
  private lastNumber = 0;
  private stops: (() => void)[] = [];

  constructor(
    private readonly limits: GatewayLimits,
    private readonly revocations: PrincipalRevocations,
  ) {}

  onModuleInit(): void {
    this.revocations.onRevoked((revocation) => this.revoke(revocation));
    this.stops = [
      everySeconds(SWEEP_SECONDS, () => this.sweep()),
      everySeconds(BEAT_SECONDS, () => {
        for (const session of this.sessions.values()) session.beat();
      }),
    ];
  }

  onModuleDestroy(): void {
    for (const stop of this.stops) stop();
  }

  get count(): number {
    return this.sessions.size;
  }

  list(): GatewaySession[] {
    return [...this.sessions.values()];
  }

  get(id: string): GatewaySession | undefined {
    return this.sessions.get(id);
  }

  /** To be asked before anything is begun for a session. @throws TooManySessionsError */
  assertRoomFor(principal: Principal): void {
    const { sessionsPerKey, sessionsTotal } = this.limits;
    const owner = ownerOf(principal);
    if ((this.countOf.get(owner) ?? 0) >= sessionsPerKey && !this.spareOne(owner))
      throw new TooManySessionsError('key', sessionsPerKey);
    if (this.sessions.size >= sessionsTotal && !this.spareOne(null))
      throw new TooManySessionsError('total', sessionsTotal);
  }

  add(session: GatewaySession): void {
    const owner = ownerOf(session.principal);
    this.lastNumber += 1;
    session.number = this.lastNumber;
    this.sessions.set(session.sessionId, session);
    this.countOf.set(owner, (this.countOf.get(owner) ?? 0) + 1);
    session.keeper = this;
  }

  /** Whoever owns a session, owns it to its end. */
  ended(session: GatewaySession): void {
    if (!this.sessions.delete(session.sessionId)) return;
    const owner = ownerOf(session.principal);
    const left = (this.countOf.get(owner) ?? 1) - 1;
    if (left > 0) this.countOf.set(owner, left);
    else this.countOf.delete(owner);
  }

  /** Ends those that nobody has used for too long, and those whose credential is over: streams ask for it only once. */
  sweep(now = Date.now()): void {
    const before = performance.now() - this.limits.sessionIdleMs;
    for (const session of [...this.sessions.values()]) {
      const isIdle = session.lastSeenAt < before && !session.isBusy;
      if (isIdle || isExpired(session.principal, now)) session.end();
      else session.rest();
    }
  }

  endAll(): void {
    for (const session of [...this.sessions.values()]) session.end();
  }

  /** A15: whose right has ended is gone at once, with open streams and all. */
  private revoke(revocation: Revocation): void {
    for (const session of [...this.sessions.values()]) if (isMeant(revocation, session.principal)) session.end();
  }

  /** Ends the one that has been silent longest; false: all are in use. */
  private spareOne(owner: string | null): boolean {
    let idlest: GatewaySession | null = null;
    for (const session of this.sessions.values()) {
      if (owner !== null && ownerOf(session.principal) !== owner) continue;
      if (session.isBusy || (idlest !== null && session.lastSeenAt >= idlest.lastSeenAt)) continue;
      idlest = session;
    }
    if (idlest === null || performance.now() - idlest.lastSeenAt < SPARE_AFTER_MS) return false;
    idlest.end();
    return true;
  }
}

function ownerOf({ type, id }: Principal): string {
  return `${type} ${id}`;
}
