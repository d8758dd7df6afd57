import { stripVTControlCharacters } from 'node:util';
import type { FailureRule, Finding } from './failure-finding';
import { exitFinding, type ExitFacts, shellFinding, usageFinding } from './failure-exit';
import { CONTAINER_RULES, DOWNLOAD_RULES, NPM_RULES, UV_RULES } from './failure-launcher-rules';
import { PROGRAM_RULES, WAITING_RULES, WEAK_RULES } from './failure-program-rules';
import { VARIABLE_RULES } from './failure-variables';

/** How many lines of stderr are worth looking at: a stack trace of Node.js with a long error object fits. */
export const EVIDENCE_LINES = 80;
/** After a life of work only what was said right before the end counts: earlier lines tell of calls, not of the end. */
const LAST_WORDS = 30;
/** Whatever is longer is a dump of data; the head of the line says what it is. */
const MAX_LINE_CHARACTERS = 1_000;

const STRONG_RULES: readonly FailureRule[] = [
  ...NPM_RULES,
  ...UV_RULES,
  ...CONTAINER_RULES,
  ...VARIABLE_RULES,
  ...WAITING_RULES,
  ...PROGRAM_RULES,
];
const ALIVE_RULES: readonly FailureRule[] = [...STRONG_RULES.filter((rule) => rule.whileAlive), ...DOWNLOAD_RULES];

/**
 * Why did a program end? Read from its exit code, its signal and its last lines on stderr, oldest first; null if they
 * don't say. The line nearest to the end wins, since what kills a program is what it says last.
 *
 * A guess would be worse than no reason, so lines of an ordinary log must not match (failure-*-rules.ts), and a program
 * that ended well (code 0) after it had been ready has nothing to explain.
 */
export function readExit(exit: ExitFacts, stderr: readonly string[], options: { ready: boolean }): Finding | null {
  if (options.ready && exit.code === 0) return null;
  const lines = readable(options.ready ? stderr.slice(-LAST_WORDS) : stderr);
  const ended = exitFinding(exit, lines);
  // A signal is a fact; words are believed over it only where they explain that very signal.
  if (ended !== null) return ended;
  return (
    nearestToTheEnd(STRONG_RULES, lines) ??
    shellFinding(exit, lines) ??
    nearestToTheEnd(WEAK_RULES, lines) ??
    usageFinding(exit, lines)
  );
}

/** Why is a program that lives not ready? Null if its stderr doesn't say. */
export function readSilence(stderr: readonly string[]): Finding | null {
  return nearestToTheEnd(ALIVE_RULES, readable(stderr));
}

function nearestToTheEnd(rules: readonly FailureRule[], lines: readonly string[]): Finding | null {
  for (let index = lines.length - 1; index >= 0; index -= 1) {
    for (const rule of rules) {
      const finding = rule.read(lines, index);
      if (finding !== null) return finding;
    }
  }
  return null;
}

function readable(stderr: readonly string[]): string[] {
  return stderr
    .slice(-EVIDENCE_LINES)
    .map((line) => stripVTControlCharacters(line.slice(0, MAX_LINE_CHARACTERS)).trimEnd());
}
