import { registerDecorator, type ValidationOptions } from 'class-validator';

const MAX_ENTRIES = 200;
const MAX_VALUE_CHARACTERS = 131_072;

interface MapRules {
  name: RegExp;
  nameMessage: string;
  /** What a value must not contain. */
  forbidden: RegExp;
}

const VARIABLES: MapRules = {
  name: /^[A-Za-z_][A-Za-z0-9_]{0,199}$/,
  nameMessage: 'is no name of a variable',

  forbidden: /\0/,
};

const HEADERS: MapRules = {
  // A token of RFC 9110 section 5.6.2.
  name: /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,200}$/,
  nameMessage: 'is no name of a header',

  forbidden: /[\0\r\n]/,
};

/** Whether a value is a map of texts by these rules; the first thing wrong with it, or null. */
function problemOf(value: unknown, rules: MapRules): string | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'must be an object of texts';
  const entries = Object.entries(value);
  if (entries.length > MAX_ENTRIES) return `must have at most ${MAX_ENTRIES} entries`;
  for (const [name, text] of entries) {
    if (!rules.name.test(name)) return `has "${name.slice(0, 60)}", which ${rules.nameMessage}`;
    if (typeof text !== 'string') return `has "${name}", whose value is no text`;
    if (text.length > MAX_VALUE_CHARACTERS) return `has "${name}", whose value is too long`;
    if (rules.forbidden.test(text)) return `has "${name}", whose value has a character that can't be in it`;
  }
  return null;
}

function mapOf(rules: MapRules, ruleName: string, options?: ValidationOptions): PropertyDecorator {
  return (target, property) => {
    registerDecorator({
      name: ruleName,
      target: target.constructor,
      propertyName: String(property),
      options,
      validator: {
        validate: (value: unknown) => problemOf(value, rules) === null,
        defaultMessage: (args) => `$property ${problemOf(args?.value, rules) ?? 'is not valid'}`,
      },
    });
  };
}

/** A map of environment variables. Values are never repeated in messages. */
export const IsVariableMap = () => mapOf(VARIABLES, 'isVariableMap');

/** A map of HTTP headers. Values are never repeated in messages. */
export const IsHeaderMap = () => mapOf(HEADERS, 'isHeaderMap');
