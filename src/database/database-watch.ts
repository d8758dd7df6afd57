import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Maintenance } from '../availability/maintenance';
import { Clock } from '../common/clock';
import { messageOf } from '../common/domain-error';
import { everySeconds } from '../common/ticks';
import { DatabaseInfo } from './database-info';
import { type FileDamage, FileWatch } from './file-watch';
import { LogStorage } from './log-database';
import { DAMAGE_HINT, damageText, WriteGate } from './write-gate';

const LOOK_EVERY_SECONDS = 2;
/** After a bad look the next one is sooner: two in a row are a verdict. */
const LOOK_AGAIN_SECONDS = 1;
const ANSWER_LIMIT_MS = 1_000;
const BAD_LOOKS = 2;

export interface DatabaseState {
  /** Whether it answers: down after two bad looks in a row, up after a good one. */
  up: boolean;
  /** Of the last round trip that was answered. */
  latencyMs: number | null;
  /** What somebody did to its files while they were open; writes are refused then. */
  damage: string | null;
  /** The same of the log file alone: its rows wait in the spool. */
  logDamage: string | null;
}

/**
 * Looks at the database every two seconds, so that whoever asks (probes, status, metrics) gets an answer from memory and
 * never makes load. On SQLite it also sees whether the files are still those that are open (F51).
 */
@Injectable()
export class DatabaseWatch implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger('Database');
  private readonly files: { main: FileWatch; logs: FileWatch } | null;
  private logDamage: FileDamage | null = null;
  private stop: (() => void) | null = null;
  private isEnded = false;
  /** Seconds since the last look ended; null: one is under way. */
  private rested: number | null = 0;
  private badLooks = 0;
  private up = true;
  private latencyMs: number | null = null;
  /** A question that is not answered yet: no second one is asked meanwhile. */
  private asked: Promise<void> | null = null;

  constructor(
    private readonly database: DatabaseInfo,
    private readonly gate: WriteGate,
    private readonly maintenance: Maintenance,
    private readonly clock: Clock,
    storage: LogStorage,
  ) {
    const { target } = storage;
    this.files =
      target.type === 'sqlite'
        ? {
            main: new FileWatch([
              { path: target.mainFile, size: 'grows' },
              { path: `${target.mainFile}-wal`, size: 'any' },
            ]),
            logs: new FileWatch([{ path: target.file, size: 'shrinks' }]),
          }
        : null;
    maintenance.onChange((state) => this.onMaintenance(state === null));
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.look();
    if (!this.isEnded) this.stop = everySeconds(1, () => this.tick());
  }

  onModuleDestroy(): void {
    this.isEnded = true;
    this.stop?.();
  }

  get current(): DatabaseState {
    const { damage } = this.gate;
    const textOf = (of: FileDamage | null) => (of === null ? null : damageText(of.what));
    return {
      up: this.up && damage === null,
      latencyMs: this.latencyMs,
      damage: textOf(damage),
      logDamage: textOf(this.logDamage),
    };
  }

  /** One look; never rejects. */
  async look(): Promise<void> {
    await this.lookAtFiles();
    const answers = await this.answersInTime();
    this.badLooks = answers ? 0 : this.badLooks + 1;
    const up = answers || (this.up && this.badLooks < BAD_LOOKS);
    if (up !== this.up) this.tell(up);
    this.up = up;
  }

  private async answersInTime(): Promise<boolean> {
    if (this.asked !== null) return false;
    const began = this.clock.monotonic();
    let hasAnswered = false;
    const asked = this.database.ping().then(
      () => {
        hasAnswered = true;
        this.latencyMs = Math.round((this.clock.monotonic() - began) * 1_000) / 1_000;
      },
      () => undefined,
    );
    this.asked = asked.finally(() => (this.asked = null));
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([this.asked, new Promise((resolve) => (timer = setTimeout(resolve, ANSWER_LIMIT_MS)))]);
    clearTimeout(timer);
    return hasAnswered;
  }

  private async lookAtFiles(): Promise<void> {
    // Damage stays until a start.
    if (this.files === null || this.gate.damage !== null) return;
    const { main, logs } = this.files;
    await Promise.all([this.lookAtMain(main), this.lookAtLogs(logs)]);
  }

  private async lookAtMain(files: FileWatch): Promise<void> {
    const damage = await this.damageOf(files);
    if (damage === null) return;
    this.gate.damage = damage;
    const { file } = damage;
    this.logger.fatal(`${damageText(damage.what)}; nothing is written any more. ${DAMAGE_HINT}`, { file });
  }

  private async lookAtLogs(files: FileWatch): Promise<void> {
    const damage = this.logDamage === null ? await this.damageOf(files) : null;
    if (damage === null) return;
    this.logDamage = damage;
    const { file } = damage;
    this.logger.error(`${damageText(damage.what)}: log rows wait in the spool. ${DAMAGE_HINT}`, { file });
  }

  private async damageOf(files: FileWatch): Promise<FileDamage | null> {
    // In maintenance files may be exchanged by ourselves; it may also begin while we look.
    const isOurDoing = () => this.maintenance.current !== null;
    if (isOurDoing()) return null;
    try {
      const damage = await files.look();
      return isOurDoing() ? null : damage;
    } catch (error) {
      this.logger.debug('The database files could not be looked at', { reason: messageOf(error) });
      return null;
    }
  }

  private onMaintenance(isOver: boolean): void {
    if (!isOver) return;
    this.files?.main.forget();
    this.files?.logs.forget();
    this.gate.damage = null;
    this.logDamage = null;
  }

  private tell(up: boolean): void {
    if (up) this.logger.log('The database answers again');
    else this.logger.warn('The database does not answer');
  }

  private tick(): void {
    if (this.rested === null) return;
    this.rested += 1;
    if (this.rested < (this.badLooks === 0 ? LOOK_EVERY_SECONDS : LOOK_AGAIN_SECONDS)) return;
    this.rested = null;
    void this.look().then(() => (this.rested = 0));
  }
}
