import type { ServerResponse } from 'node:http';
import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { UnauthenticatedError } from '../auth/auth.errors';
import type { Principal } from '../auth/principal';
import { PrincipalRevocations } from '../auth/principal-revocations';
import { Clock } from '../common/clock';
import { messageOf } from '../common/domain-error';
import { everySeconds } from '../common/ticks';
import type { LogPosition } from '../logs/log-entries';
import { LogFeed, type LogFollowing } from '../logs/log-feed';
import { EventBatch } from './event-batch';
import { eventFrame, heartbeatFrame } from './event-frame';
import { toEventId } from './event-id';
import { EventStream } from './event-stream';
import type { EventType } from './event-types';
import { LogReplay } from './log-replay';
import { concerns, RecentRevocations } from './recent-revocations';
import type { StreamFilter } from './stream-filter';
import { StreamStates } from './stream-states';
import { StreamPlaces } from './stream-places';
import { StreamsEndingError } from './stream.errors';

/** A reader that has so little left over is no slow one: what does not fit is too much at once. */
const DRAINED_BYTES = 64 * 1024;

/** Who wants a stream, and of what. */
export interface StreamRequest {
  principal: Principal;
  filter: StreamFilter;
  response: ServerResponse;
  /** When the request came, in monotonic milliseconds. */
  startedAt: number;
}

/**
 * All open streams: opens them, hands on what happens, and ends them. One timer serves them all, and while there is none,
 * nothing of this runs: no timer, no follower of the logs, no reader of states.
 */
@Injectable()
export class StreamHub implements OnModuleInit {
  private readonly logger = new Logger('Events');
  private readonly streams = new Set<EventStream>();
  private readonly revoked: RecentRevocations;
  private following: LogFollowing | null = null;
  private stopTicking: (() => void) | null = null;
  private isEnding = false;

  constructor(
    private readonly places: StreamPlaces,
    private readonly states: StreamStates,
    private readonly feed: LogFeed,
    private readonly replay: LogReplay,
    private readonly revocations: PrincipalRevocations,
    private readonly clock: Clock,
  ) {
    this.revoked = new RecentRevocations(() => clock.monotonic());
  }

  onModuleInit(): void {
    this.revocations.onRevoked((revocation) => {
      this.revoked.note(revocation);
      for (const stream of this.streams) if (concerns(revocation, stream.principal)) void stream.end('revoked');
    });
    this.states.connect({
      isWanted: (type) => [...this.streams].some(({ filter }) => filter.wants(type)),
      tell: (type, view, passes) => this.tellAll(type, view, passes),
    });
  }

  /** After the tools are down, so that it is seen, and before the server waits for its connections. */
  async endAll(): Promise<void> {
    this.isEnding = true;
    await Promise.all([...this.streams].map((stream) => stream.end('shutdown')));
  }

  get count(): number {
    return this.streams.size;
  }

  /**
   * A stream that is known and can be begun: from here on all that ends streams ends it.
   * @throws TooManyStreamsError, StreamsExhaustedError, StreamsEndingError, UnauthenticatedError
   */
  async open({ principal, filter, response, startedAt }: StreamRequest): Promise<EventStream> {
    if (this.isEnding) throw new StreamsEndingError();
    const giveBack = this.places.take(principal);
    const stream = new EventStream(principal, filter, response, () => this.clock.monotonic());
    this.add(stream);
    let isIn = true;
    const leave = () => {
      if (isIn) this.remove(stream, giveBack);
      isIn = false;
    };
    response.once('close', leave);
    try {
      if (this.revoked.has(principal, startedAt)) throw new UnauthenticatedError();
      // Its close may have come before anybody listened.
      if (response.destroyed) stream.cut();
      else await this.follow().ready;
      if (stream.over === 'revoked' || stream.over === 'expired') throw new UnauthenticatedError();
      if (stream.over === 'shutdown') throw new StreamsEndingError();
      if (stream.over === 'gone') leave();
      return stream;
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** Sends a stream that has begun all that its reader does not know, and what happens from then on. Never rejects. */
  async run(stream: EventStream, from: LogPosition | null): Promise<void> {
    // Without it, nothing is to be begun anew for it.
    if (!this.streams.has(stream)) return;
    try {
      const following = this.follow();
      stream.position = following.position;
      if (from !== null) await this.replay.resume(stream, from, following);
      await this.states.sendCurrent(stream);
      await this.replay.catchUp(stream, following);
      if (stream.over === null) this.offer(stream, eventFrame('ready', shown(stream), toEventId(following.position)));
    } catch (error) {
      this.logger.warn('A stream of events could not be begun', { reason: messageOf(error) });
      await stream.end('failed');
    }
  }

  private add(stream: EventStream): void {
    this.streams.add(stream);
    this.stopTicking ??= everySeconds(1, () => this.tick());
  }

  private remove(stream: EventStream, giveBack: () => void): void {
    this.streams.delete(stream);
    giveBack();
    if (this.streams.size > 0) return;
    this.stopTicking?.();
    this.stopTicking = null;
    this.following?.stop();
    this.following = null;
  }

  private follow(): LogFollowing {
    if (this.following) return this.following;
    const following = this.feed.follow((log, entries, before) => {
      const batch = new EventBatch(log, entries, before);
      for (const stream of this.streams) if (stream.isLive) this.deliver(stream, batch);
    });
    // The next one tries anew.
    following.ready.catch(() => {
      following.stop();
      if (this.following === following) this.following = null;
    });
    this.following = following;
    return following;
  }

  private deliver(stream: EventStream, batch: EventBatch): void {
    const bytes = batch.for(stream.filter);
    if (bytes === null || stream.offer(bytes)) return;
    const { following } = this;
    if (stream.backlog > DRAINED_BYTES || following === null) {
      this.cut(stream);
      return;
    }
    stream.isLive = false;
    stream.position = { ...batch.before };
    this.replay.catchUp(stream, following).catch((error: unknown) => {
      this.logger.warn('A stream of events could not go on', { reason: messageOf(error) });
      void stream.end('failed');
    });
  }

  private tellAll(type: EventType, view: object, passes: (filter: StreamFilter) => boolean): void {
    let text: string | null = null;
    for (const stream of this.streams) {
      if (stream.filter.wants(type) && passes(stream.filter)) this.offer(stream, (text ??= eventFrame(type, view)));
    }
  }

  private offer(stream: EventStream, text: string): void {
    if (!stream.offer(Buffer.from(text))) this.cut(stream);
  }

  private cut(stream: EventStream): void {
    // Not louder: it would be an event itself, for readers that are too slow already.
    this.logger.debug('A reader of events takes too little and is cut', {
      name: stream.principal.name,
      backlogBytes: stream.backlog,
    });
    stream.cut();
  }

  private tick(): void {
    const [now, at] = [this.clock.monotonic(), this.clock.now()];
    const position = this.following?.position;
    const id = position && toEventId(position);
    for (const stream of this.streams) {
      const { expiresAt } = stream.principal;
      if (expiresAt !== null && expiresAt <= at) void stream.end('expired');
      else if (stream.isStalled(now)) this.cut(stream);
      else if (stream.isQuiet(now)) this.offer(stream, heartbeatFrame(stream.isLive ? id : undefined));
    }
    this.states.tick();
  }
}

function shown({ filter }: EventStream): object {
  return { types: [...filter.types], toolId: filter.toolId };
}
