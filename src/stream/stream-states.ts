import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { messageOf } from '../common/domain-error';
import { Events } from '../events/events';
import { LiveViews } from '../events/live-views';
import { ToolStatuses } from '../tools/tool-statuses';
import { eventFrame } from './event-frame';
import type { EventStream } from './event-stream';
import type { EventType } from './event-types';
import { StateFeed } from './state-feed';
import type { StreamFilter } from './stream-filter';

/** The streams, as those see them who have something to tell. */
export interface StreamAudience {
  isWanted: (type: EventType) => boolean;
  tell: (type: EventType, view: object, passes: (filter: StreamFilter) => boolean) => void;
}

/** Ticks (seconds) between two looks at the system. */
const STATUS_EVERY = 5;
const ALL = () => true;

/** What streams show as it is now, not as it came about: tools, backups, the system. A stream begins with all of it. */
@Injectable()
export class StreamStates implements OnModuleInit {
  private readonly logger = new Logger('Events');
  private audience: StreamAudience = { isWanted: () => false, tell: () => undefined };
  private readonly toolFeed: StateFeed;
  private readonly backupFeed: StateFeed;
  private ticks = 0;
  private isLooking = false;

  constructor(
    private readonly tools: ToolStatuses,
    private readonly events: Events,
    private readonly views: LiveViews,
  ) {
    this.toolFeed = new StateFeed(
      (id) => tools.find(id),
      (id, view) => this.audience.tell('tool.status', view, (filter) => filter.passesTool(id)),
      () => this.audience.isWanted('tool.status'),
    );
    this.backupFeed = new StateFeed(
      async (id) => (await this.views.backups?.read(id)) ?? null,
      (_, view) => this.audience.tell('backup', view, ALL),
      () => this.audience.isWanted('backup'),
    );
  }

  onModuleInit(): void {
    this.events.on('tool.status-changed', ({ toolId }) => this.toolFeed.note(toolId));
    this.events.on('tool.defined', ({ toolId }) => this.toolFeed.note(toolId));
    this.events.on('tool.removed', ({ toolId, toolName }) => {
      const gone = { id: toolId, name: toolName, status: null };
      // In its turn: no state that was being read comes after the end.
      void this.toolFeed.inTurn(() => this.audience.tell('tool.status', gone, (filter) => filter.passesTool(toolId)));
    });
    this.events.on('backup.changed', ({ backupId }) => this.backupFeed.note(backupId));
  }

  connect(audience: StreamAudience): void {
    this.audience = audience;
  }

  /** How all is that a stream wants to know; what changes meanwhile comes after it. */
  async sendCurrent(stream: EventStream): Promise<void> {
    const { filter } = stream;
    let taken = Promise.resolve();
    // Written in the turn, so that no change comes before it; waited for outside: a slow reader holds up nobody else.
    const send = (frames: readonly string[]) => {
      if (frames.length > 0) taken = stream.send(Buffer.from(frames.join('')));
    };
    if (filter.wants('tool.status')) await this.toolFeed.inTurn(async () => send(await this.toolFrames(filter)));
    await taken;
    if (filter.wants('backup')) await this.backupFeed.inTurn(async () => send(await this.backupFrames()));
    await taken;
    const read = filter.wants('system.status') ? this.views.systemStatus : null;
    if (read !== null) await stream.send(Buffer.from(eventFrame('system.status', await read())));
  }

  /** Once a second while there are streams. */
  tick(): void {
    this.ticks = (this.ticks + 1) % STATUS_EVERY;
    if (this.ticks === 0 && !this.isLooking && this.audience.isWanted('system.status')) void this.lookAtSystem();
  }

  private async toolFrames(filter: StreamFilter): Promise<string[]> {
    const all = await this.tools.list();
    return all.filter(({ id }) => filter.passesTool(id)).map((view) => eventFrame('tool.status', view));
  }

  private async backupFrames(): Promise<string[]> {
    const { backups } = this.views;
    if (backups === null) return [];
    const all = await Promise.all((await backups.current()).map((id) => backups.read(id)));
    return all.flatMap((view) => (view === null ? [] : [eventFrame('backup', view)]));
  }

  private async lookAtSystem(): Promise<void> {
    const read = this.views.systemStatus;
    if (read === null) return;
    this.isLooking = true;
    try {
      this.audience.tell('system.status', await read(), ALL);
    } catch (error) {
      this.logger.debug('The status of the system can not be read for a moment', { reason: messageOf(error) });
    } finally {
      this.isLooking = false;
    }
  }
}
