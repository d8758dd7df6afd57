import { type FieldError, messageOf, ValidationFailedError } from '../common/domain-error';
import { isSettingKey, type SettingDeclaration, type SettingKey, SETTINGS } from './catalogue';

/** Settings with the values that they shall have; null: what they have without anybody's change. */
export type Patch = ReadonlyMap<SettingKey, unknown>;

/** More mistakes than there can be settings are no mistakes of a human: who sends them learns of the first. */
const MOST_ERRORS = 100;
const LONGEST_PATH = 100;

/** @throws ValidationFailedError that names every mistake, up to a hundred */
export function checkPatch(given: Readonly<Record<string, unknown>>): Patch {
  const errors: FieldError[] = [];
  const patch = new Map<SettingKey, unknown>();
  for (const [key, value] of Object.entries(given)) {
    if (errors.length >= MOST_ERRORS) break;
    try {
      if (!isSettingKey(key)) throw new Error('is not known here; GET /system/config lists what there is');
      const { type, editable, environment }: SettingDeclaration<unknown> = SETTINGS[key];
      if (!editable) throw new Error(`can't be changed at run time; set ${environment?.variable ?? 'it'} and restart`);
      patch.set(key, value === null ? null : type.check(value));
    } catch (error) {
      errors.push({ path: key.slice(0, LONGEST_PATH), message: messageOf(error) });
    }
  }
  if (errors.length > 0) throw new ValidationFailedError(errors);
  return patch;
}
