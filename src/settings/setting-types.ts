import { CronTime } from 'cron';

/** What a setting may be: how it is checked, and how that is said in JSON Schema (2020-12). */
export interface SettingType<T> {
  schema: Readonly<Record<string, unknown>>;
  /** @throws Error whose message completes "key ..." */
  check: (value: unknown) => T;
}

export function wholeNumber(range: { min: number; max: number }): SettingType<number> {
  return {
    schema: { type: 'integer', minimum: range.min, maximum: range.max },
    check: (value) => {
      if (typeof value === 'number' && Number.isSafeInteger(value) && value >= range.min && value <= range.max) {
        return value;
      }
      throw new Error(`must be a whole number from ${range.min} to ${range.max}`);
    },
  };
}

export function yesOrNo(): SettingType<boolean> {
  return {
    schema: { type: 'boolean' },
    check: (value) => {
      if (typeof value === 'boolean') return value;
      throw new Error('must be true or false');
    },
  };
}

export function word<T extends string>(words: readonly T[]): SettingType<T> {
  return {
    schema: { type: 'string', enum: words },
    check: (value) => {
      const found = words.find((each) => each === value);
      if (found !== undefined) return found;
      throw new Error(`must be one of ${words.join(', ')}`);
    },
  };
}

/** Shown as it is; set by the environment alone, so that nothing checks it here. */
export function shown<T>(type: 'string' | 'integer' | 'boolean' | 'array'): SettingType<T> {
  return {
    schema: { type },
    check: () => {
      throw new Error('is set by the environment alone');
    },
  };
}

const CRON_FIELDS = /^\s*\S+(?:\s+\S+){4,5}\s*$/;

/** Five fields (minute, hour, day of month, month, day of week), or six with seconds first; in the server's local time. */
export function cron(): SettingType<string> {
  return {
    schema: { type: 'string', format: 'cron', minLength: 9, maxLength: 100 },
    check: (value) => {
      const advice = 'must be a cron expression of five fields, or six with seconds first, such as "0 3 * * *"';
      if (typeof value !== 'string' || value.length > 100 || !CRON_FIELDS.test(value)) throw new Error(advice);
      let time: CronTime;
      try {
        time = new CronTime(value);
      } catch (error) {
        throw new Error(`${advice} (${error instanceof Error ? error.message : 'malformed'})`, { cause: error });
      }
      // The parser accepts days that never come (30 February) and fails at the look for the next one.
      try {
        time.getNextDateFrom(new Date());
      } catch (error) {
        throw new Error(`${advice} (no such day comes)`, { cause: error });
      }
      return value;
    },
  };
}
