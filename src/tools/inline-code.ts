import { basename } from 'node:path';
import { INTERPRETERS, type Interpreter, type Wrapper, WRAPPERS } from './interpreters';
import { envRefusal } from './refused-env';

/** An argument by which an interpreter takes code instead of a program's name. */
export interface InlineCode {
  program: string;
  index: number;
  flag: string;
}

/**
 * The first argument that makes an interpreter run code from the definition itself, or null. A seat-belt against
 * definitions whose command line hides what they do, not a boundary: any script can do the same.
 */
export function findInlineCode(command: string, args: readonly string[]): InlineCode | null {
  const program = programName(command);
  const wrapper = WRAPPERS.find(({ names }) => names.test(program));
  if (wrapper) return findInWrapped(program, wrapper, args);
  const interpreter = INTERPRETERS.find(({ names }) => names.test(program));
  return interpreter ? findInOptions(program, interpreter, args) : null;
}

function findInOptions(program: string, interpreter: Interpreter, args: readonly string[]): InlineCode | null {
  for (let index = 0; index < args.length; index += 1) {
    const argument = args[index] ?? '';
    const isOption = /^[-+]./.test(argument);
    if (argument === '--') return interpreter.delegates === true ? findInRest(args, index + 1) : null;
    if (interpreter.codeSubcommands.has(argument)) return { program, index, flag: argument };
    if (!isOption && interpreter.subcommands.has(argument)) continue;
    if (!isOption && interpreter.delegates === true) return findInRest(args, index);
    if (!isOption && !interpreter.code.test(argument)) {
      // A script that is written out in its own address.
      return /^data:/i.test(argument) ? { program, index, flag: 'data:' } : null;
    }
    // Node reads --experimental_loader as --experimental-loader.
    const option = argument.startsWith('--') ? withDashes(argument) : argument;
    if (interpreter.code.test(option)) return { program, index, flag: option.split('=', 1)[0] ?? option };
    if (program.startsWith('py') && /^-[A-Za-z]*m/.test(option)) return null;
    if (interpreter.withValue.has(option)) index += 1;
  }
  return null;
}

/** A command that stands among the arguments of another one, perhaps with a version: `node@22`. */
function findInRest(args: readonly string[], from: number): InlineCode | null {
  const [command = '', ...rest] = args.slice(from);
  const inner = findInlineCode(command.replace(/(.)@[^@/]*$/, '$1'), rest);
  return inner && { ...inner, index: inner.index + from + 1 };
}

function findInWrapped(program: string, wrapper: Wrapper, args: readonly string[]): InlineCode | null {
  let ownWords = wrapper.ownWords ?? 0;
  let hasVerb = wrapper.verbs === undefined;
  for (let index = 0; index < args.length; index += 1) {
    const argument = args[index] ?? '';
    if (wrapper.code.test(argument)) return { program, index, flag: argument.slice(0, 20) };
    const variable = /^([A-Za-z_][A-Za-z0-9_]*)=/.exec(argument)?.[1];
    if (variable !== undefined) {
      // Given here it works as in `env`.
      if (envRefusal(variable, argument.slice(variable.length + 1))) return { program, index, flag: `${variable}=` };
    } else if (wrapper.withValue.has(argument)) index += 1;
    // `/c` is an option on Windows.
    else if (argument.startsWith('-') || /^\/[a-z]$/i.test(argument)) continue;
    else if (wrapper.verbs?.has(argument) === true) hasVerb = true;
    else if (!hasVerb) return null;
    else if (ownWords > 0) ownWords -= 1;
    else return findInRest(args, index);
  }
  return null;
}

function programName(command: string): string {
  // Some file systems know names in any case.
  return basename(command.replaceAll('\\', '/'))
    .toLowerCase()
    .replace(/\.(?:exe|cmd|bat|ps1)$/, '');
}

function withDashes(option: string): string {
  const cut = option.indexOf('=');
  if (cut < 0) return option.replaceAll('_', '-');
  return option.slice(0, cut).replaceAll('_', '-') + option.slice(cut);
}
