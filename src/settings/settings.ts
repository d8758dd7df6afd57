import { Injectable, Logger } from '@nestjs/common';
import { OperationLog } from '../audit/operation-log';
import { Clock } from '../common/clock';
import { KeyedMutex } from '../common/keyed-mutex';
import { AppConfig } from '../config/app-config';
import { Transactions } from '../database/transactions';
import { Events } from '../events/events';
import {
  isSettingKey,
  SETTING_KEYS,
  type SettingDeclaration,
  type SettingKey,
  SETTINGS,
  type SettingValue,
} from './catalogue';
import { checkPatch, type Patch } from './setting-patch';
import { SettingRepository } from './setting.repository';

export type SettingSource = 'default' | 'env' | 'database';

/** A setting as it stands now. */
export interface SettingState {
  key: SettingKey;
  value: unknown;
  source: SettingSource;
  declaration: SettingDeclaration<unknown>;
}

/**
 * The settings as they are now: what somebody has changed at run time, else what the environment says, else the default.
 * Reading costs a look into a map. A change is in force when `update` resolves; who keeps what follows from a setting
 * listens by `onChange`.
 */
@Injectable()
export class Settings {
  private readonly logger = new Logger('Settings');
  private readonly changes = new KeyedMutex();
  private stored = new Map<SettingKey, unknown>();
  /** False when a change has failed in a way that leaves open whether it is stored. */
  private isCertain = true;

  constructor(
    private readonly repository: SettingRepository,
    private readonly transactions: Transactions,
    private readonly operations: OperationLog,
    private readonly events: Events,
    private readonly config: AppConfig,
    private readonly clock: Clock,
  ) {}

  get<K extends SettingKey>(key: K): SettingValue<K> {
    const value = this.stored.get(key);
    return (value === undefined ? this.unstored(key) : value) as SettingValue<K>;
  }

  list(): SettingState[] {
    return SETTING_KEYS.map((key) => this.stateOf(key));
  }

  /** Calls the listener after each change of one of the settings. Call the result to stop listening. */
  onChange(keys: readonly SettingKey[], listener: () => void): () => void {
    return this.events.on('settings.changed', (fact) => {
      if (keys.some((key) => fact.keys.includes(key))) listener();
    });
  }

  /**
   * Changes all of the settings given or none; null gives one back to the environment and its default. Audited with what
   * they were and what they are.
   * @throws ValidationFailedError that names every mistake
   */
  update(given: Readonly<Record<string, unknown>>): Promise<void> {
    return this.changes.run('all', async () => {
      const patch = checkPatch(given);
      if (patch.size === 0) return;
      // A commit whose answer was lost may have been one: what holds is what is stored.
      if (!this.isCertain) await this.readAll();
      const before = this.valuesOf(patch);
      const next = new Map(this.stored);
      for (const [key, value] of patch) {
        if (value === null) next.delete(key);
        else next.set(key, value);
      }
      this.isCertain = false;
      await this.store(patch, before, next);
      this.isCertain = true;
      this.stored = next;
      this.tell(before);
    });
  }

  /** Reads what is stored: at the start, and after other data has come in its place. */
  reload(): Promise<void> {
    return this.changes.run('all', () => this.readAll());
  }

  private async readAll(): Promise<void> {
    const before = new Map(SETTING_KEYS.map((key) => [key, this.get(key)]));
    const next = new Map<SettingKey, unknown>();
    for (const { key, value } of await this.repository.all()) {
      const known = this.readStored(key, value);
      if (known) next.set(known.key, known.value);
    }
    this.stored = next;
    this.isCertain = true;
    this.tell(before);
  }

  private stateOf(key: SettingKey): SettingState {
    const declaration: SettingDeclaration<unknown> = SETTINGS[key];
    if (this.stored.has(key)) return { key, value: this.stored.get(key), source: 'database', declaration };
    const { environment, byDefault } = declaration;
    if (environment === null) return { key, value: byDefault, source: 'default', declaration };
    const source = this.config.given.has(environment.variable) ? 'env' : 'default';
    return { key, value: environment.read(this.config), source, declaration };
  }

  private valuesOf(patch: Patch): Map<SettingKey, unknown> {
    return new Map([...patch.keys()].map((key) => [key, this.stateOf(key).value]));
  }

  private async store(patch: Patch, before: Map<SettingKey, unknown>, next: Map<SettingKey, unknown>): Promise<void> {
    const updatedAt = this.clock.now();
    const kept = [...patch].filter(([, value]) => value !== null);
    const rows = kept.map(([key, value]) => ({ key, value: JSON.stringify(value), updatedAt }));
    const reset = [...patch].filter(([, value]) => value === null).map(([key]) => key);
    const changes = Object.fromEntries(
      [...before].map(([key, value]) => [key, { before: value, after: next.get(key) ?? this.unstored(key) }]),
    );
    await this.transactions.run(async (tx) => {
      await this.repository.save(rows, tx);
      await this.repository.remove(reset, tx);
      const target = { type: 'settings', id: null, name: [...patch.keys()].join(', ').slice(0, 200) };
      await this.operations.append({ action: 'config.update', outcome: 'success', target, changes }, tx);
    });
  }

  /** What holds without a stored value. */
  private unstored(key: SettingKey): unknown {
    const { environment, byDefault }: SettingDeclaration<unknown> = SETTINGS[key];
    return environment === null ? byDefault : environment.read(this.config);
  }

  /** Null for what another version of the program has stored and this one doesn't know; it stays where it is. */
  private readStored(key: string, json: string): { key: SettingKey; value: unknown } | null {
    try {
      if (!isSettingKey(key)) throw new Error('is not known here');
      const { type, editable }: SettingDeclaration<unknown> = SETTINGS[key];
      if (!editable) throw new Error('is set by the environment alone');
      return { key, value: type.check(JSON.parse(json)) };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.logger.warn('A stored setting is passed over', { setting: key, reason });
      return null;
    }
  }

  private tell(before: ReadonlyMap<SettingKey, unknown>): void {
    const keys = [...before].filter(([key, value]) => this.stateOf(key).value !== value).map(([key]) => key);
    if (keys.length > 0) this.events.tell('settings.changed', { keys });
  }
}
