/**
 * When a running server is asked whether it is there, and what follows from its silence, as pure functions. Times are
 * monotonic milliseconds. A server that says anything, or that may be silent because it works, is never asked.
 */
export interface HealthRules {
  /** So long it may say nothing before it is asked. */
  intervalMs: number;
  /** How long the answer may take. */
  answerMs: number;
  /** After a miss it is asked again this soon. */
  retryMs: number;
}

export interface Health {
  /** How many messages had come when it was last looked at. */
  readonly heard: number;
  /** When it is to be asked unless it says something. */
  readonly askAt: number;
  /** When the question was put that has no answer yet. */
  readonly askedAt: number | null;
  /** Questions in a row without an answer. */
  readonly misses: number;
  /** It speaks but has never answered such a question: its silence tells nothing, and it is not asked any more. */
  readonly isExcused: boolean;
}

/** What is seen of a server at one moment. */
export interface Sight {
  now: number;
  /** How many messages came from it so far. */
  heard: number;
  /** It may be silent because it works. */
  isBusy: boolean;
}

/** What is known when a question got no answer. */
export interface Miss extends Sight {
  /** It has answered such a question before. */
  hasAnswered: boolean;
  /** It has said something since it became ready. */
  hasSpoken: boolean;
  /** We ourselves were stopped or blocked a moment ago. */
  wasSuspended: boolean;
}

export type Verdict = 'fine' | 'recovered' | 'degraded' | 'condemned';

const LONGEST_ANSWER_MS = 10_000;
const LONGEST_RETRY_MS = 5_000;
/** So many misses in a row end a life. */
export const MISSES_ALLOWED = 3;
/** An answer that is called late so much later than it was due tells of ourselves, not of the server. */
const SUSPENDED_MS = 2_000;

export function healthRules(intervalMs: number): HealthRules {
  return {
    intervalMs,
    answerMs: Math.min(LONGEST_ANSWER_MS, intervalMs),
    retryMs: Math.min(LONGEST_RETRY_MS, intervalMs),
  };
}

/** `random`: from 0 up to 1, here and below; tools that started together must not be asked together. */
export function newHealth({ now, heard }: Sight, rules: HealthRules, random: number): Health {
  return { heard, askAt: nextAsk(now, rules, random), askedAt: null, misses: 0, isExcused: false };
}

/** By other rules from now on. What is known of the server stays; who owes an answer is still asked for it soon. */
export function replanned(health: Health, now: number, rules: HealthRules, random: number): Health {
  const askAt = health.misses > 0 ? now + rules.retryMs : nextAsk(now, rules, random);
  return { ...health, askAt };
}

/** Looks at a server; tells whether it is to be asked now. */
export function look(
  health: Health,
  sight: Sight,
  rules: HealthRules,
  random: number,
): { health: Health; verdict: Verdict; ask: boolean } {
  if (sight.heard !== health.heard) return { ...heardOf(health, sight, rules, random), ask: false };
  const isDue = sight.now >= health.askAt && health.askedAt === null && !health.isExcused && !sight.isBusy;
  return { health: isDue ? { ...health, askedAt: sight.now } : health, verdict: 'fine', ask: isDue };
}

/** The question was answered. */
export function answered(
  health: Health,
  sight: Sight,
  rules: HealthRules,
  random: number,
): { health: Health; verdict: Verdict } {
  return heardOf({ ...health, askedAt: null }, sight, rules, random);
}

/** The question was not answered in time. */
export function missed(
  health: Health,
  miss: Miss,
  rules: HealthRules,
  random: number,
): { health: Health; verdict: Verdict } {
  const askedAt = health.askedAt ?? miss.now;
  const again: Health = { ...health, askedAt: null, askAt: miss.now + rules.retryMs };
  if (miss.heard !== health.heard) return heardOf(again, miss, rules, random);
  const wasAway = miss.wasSuspended || miss.now - askedAt > rules.answerMs + SUSPENDED_MS;
  if (wasAway || miss.isBusy) return { health: again, verdict: 'fine' };
  if (!miss.hasAnswered && miss.hasSpoken) {
    return { health: { ...again, misses: 0, isExcused: true }, verdict: health.misses > 0 ? 'recovered' : 'fine' };
  }
  const misses = health.misses + 1;
  return { health: { ...again, misses }, verdict: misses < MISSES_ALLOWED ? 'degraded' : 'condemned' };
}

function heardOf(
  health: Health,
  { now, heard }: Sight,
  rules: HealthRules,
  random: number,
): { health: Health; verdict: Verdict } {
  const verdict = health.misses > 0 ? 'recovered' : 'fine';
  return { health: { ...health, heard, misses: 0, askAt: nextAsk(now, rules, random) }, verdict };
}

/** The interval with jitter of 80 to 120 %. */
function nextAsk(now: number, { intervalMs }: HealthRules, random: number): number {
  return now + Math.round(intervalMs * (0.8 + 0.4 * random));
}
