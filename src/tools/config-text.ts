import { Node, ParseError, parseTree, printParseErrorCode } from 'jsonc-parser';
import { ImportError, TextPosition } from './import.errors';

/** JSON as editors write it, with comments and trailing commas (VS Code's "JSON with comments"). */
export function parseConfigText(text: string): unknown {
  // Windows editors put a byte order mark before it.
  const body = text.startsWith('\uFEFF') ? text.slice(1) : text;
  try {
    const errors: ParseError[] = [];
    const tree = parseTree(body, errors, { allowTrailingComma: true });
    const [first] = errors;
    if (first) throw syntaxError(first, body);
    return tree ? valueOf(tree) : undefined;
  } catch (error) {
    // The parser is recursive: a megabyte of "[" ends its stack, not its patience.
    if (error instanceof RangeError) throw new ImportError('the configuration is nested too deeply');
    throw error;
  }
}

/**
 * Not the library's own `parse()`: it assigns `__proto__` like any other key, which gives the object another prototype,
 * while `fromEntries` makes it a property like every other.
 */
function valueOf(node: Node): unknown {
  if (node.type === 'array') return (node.children ?? []).map(valueOf);
  if (node.type !== 'object') return node.value as unknown;
  const pairs: [string, unknown][] = [];
  for (const property of node.children ?? []) {
    const [key, value] = property.children ?? [];
    if (key && value) pairs.push([String(key.value), valueOf(value)]);
  }
  return Object.fromEntries(pairs);
}

function syntaxError(error: ParseError, text: string): ImportError {
  const position = positionOf(text, error.offset);
  const what = printParseErrorCode(error.error)
    .replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
    .trim();
  return new ImportError(`not valid JSON at line ${position.line}, column ${position.column}: ${what}`, position);
}

function positionOf(text: string, offset: number): TextPosition {
  const before = text.slice(0, offset).split(/\r\n|\r|\n/);
  return { line: before.length, column: (before.at(-1) ?? '').length + 1 };
}
