import { isRecord, JsonRecord, quoted, readList, readText } from './config-shape';
import { UnreadableEntryError } from './import.errors';

/**
 * The `Input` objects of a registry's server.json (schema 2025-12-11): arguments, environment variables and headers.
 * A required one without value or default becomes a placeholder `${NAME}`; an optional one is left out with a note.
 */

/** A field by its current camelCase name, or by the snake_case one of the 2025-07-09 schema. */
export function registryField(record: JsonRecord, name: string): unknown {
  return record[name] ?? record[name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)];
}

/** `environmentVariables` or `headers`: those that have a value, or need one. */
export function readKeyValueInputs(value: unknown, path: string, notes: string[]): Record<string, string> {
  const pairs: [string, string][] = [];
  readRecords(value, path).forEach((input, index) => {
    const name = readText(input.name, `${path}[${index}].name`);
    if (name === null || name === '') throw new UnreadableEntryError(`${path}[${index}].name is missing`);
    const text = readInput(input, name, `${path}[${index}]`);
    if (text === null) notes.push(`${quoted(name)} is optional and was left out${explanation(input)}`);
    else pairs.push([name, text]);
  });
  return Object.fromEntries(pairs);
}

/** `runtimeArguments` or `packageArguments` as they go into the argument list, one array element each. */
export function readArguments(value: unknown, path: string, notes: string[]): string[] {
  return readRecords(value, path).flatMap((input, index) => {
    const place = `${path}[${index}]`;
    const name = readText(input.name, `${place}.name`);
    const isNamed = input.type === 'named' || (input.type === undefined && name !== null);
    if (isNamed && (name === null || name === '')) throw new UnreadableEntryError(`${place}.name is missing`);
    const words = isNamed ? namedWords(input, name ?? '', place) : positionalWords(input, place);
    const label = isNamed ? (name ?? '') : (hintOf(input, place) ?? place);
    if (words.length === 0) notes.push(`${quoted(label)} is optional and was left out${explanation(input)}`);
    else if (registryField(input, 'isRepeated') === true) notes.push(`${quoted(label)} may be repeated in args`);
    return words;
  });
}

/** A template's `{name}` filled from `variables`; a name that isn't among them stays as it is (schema: `Input.value`). */
export function fillTemplate(template: string, variables: unknown, path: string): string {
  if (!isRecord(variables)) return template;
  return template.replace(/(?<!\$)\{([^{}]+)\}/g, (whole, name: string) => {
    const variable = Object.hasOwn(variables, name) ? variables[name] : undefined;
    if (!isRecord(variable)) return whole;
    return readInput(variable, name, `${path}.variables.${name}`) ?? placeholder(name);
  });
}

function namedWords(input: JsonRecord, name: string, path: string): string[] {
  const text = readInput(input, name.replace(/^-{1,2}/, ''), path);
  if (input.format === 'boolean' && (text === 'true' || text === 'false')) return text === 'true' ? [name] : [];
  if (text !== null) return name.endsWith('=') ? [name + text] : [name, text];
  // Nothing but a name is a switch such as `--stdio`; with more said of it, it's an option that waits for a value.
  const isSwitch = Object.keys(input).every((key) => key === 'type' || key === 'name');
  return isSwitch ? [name] : [];
}

function positionalWords(input: JsonRecord, path: string): string[] {
  const text = readInput(input, hintOf(input, path) ?? 'ARGUMENT', path);
  return text === null ? [] : [text];
}

/** A label only: `valueHint` is "not part of the command line". */
function hintOf(input: JsonRecord, path: string): string | null {
  return readText(registryField(input, 'valueHint'), `${path}.valueHint`);
}

/** What the input is set to, a placeholder if a human has to say, or null if it can be left out. */
function readInput(input: JsonRecord, name: string, path: string): string | null {
  const value = readText(input.value, `${path}.value`);
  if (value !== null && value !== '') return fillTemplate(value, input.variables, path);
  const fallback = readText(input.default, `${path}.default`);
  if (fallback !== null) return fallback;
  return registryField(input, 'isRequired') === true ? placeholder(name) : null;
}

/** Braces in a foreign name would make another placeholder of it, or none. */
function placeholder(name: string): string {
  return `\${${name.replace(/[${}]/g, '') || 'VALUE'}}`;
}

function explanation(input: JsonRecord): string {
  return typeof input.description === 'string' ? `: ${quoted(input.description)}` : '';
}

function readRecords(value: unknown, path: string): JsonRecord[] {
  return readList(value, path).map((item, index) => {
    if (!isRecord(item)) throw new UnreadableEntryError(`${path}[${index}] must be an object`);
    return item;
  });
}
