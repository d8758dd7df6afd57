/**
 * What authentication costs and what its time tells, against thresholds: `npm run bench:auth` (build first).
 *
 *   key      CPU of one call with an API key that is known already: 5 us at most
 *   limits   CPU of counting one request against its limit: part of the same 5 us
 *   login    A5: difference of the medians of a wrong password for a known and for an unknown name: below 10 ms
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const dist = join(fileURLToPath(new URL('../..', import.meta.url)), 'dist/src');
require('reflect-metadata');
const { ApiKeyAuthenticator } = require(join(dist, 'auth/api-key-authenticator.js'));
const { apiKeyHash, newApiKey } = require(join(dist, 'auth/api-key-text.js'));
const { PasswordHasher } = require(join(dist, 'auth/password-hasher.js'));
const { PrincipalRevocations } = require(join(dist, 'auth/principal-revocations.js'));
const { SystemClock } = require(join(dist, 'common/clock.js'));
const { RequestLimits } = require(join(dist, 'limits/request-limits.js'));

const CALLS = 200_000;
const MAX_KEY_US = 5;
const MAX_LOGIN_MS = 10;

const clock = new SystemClock();
const keyUs = await costOfKey();
const limitUs = await costOfLimit();
const loginMs = await differenceOfLogins();
console.log(`key     ${keyUs.toFixed(2)} us CPU a call`);
console.log(`limits  ${limitUs.toFixed(2)} us CPU a call`);
console.log(`login   ${loginMs.toFixed(2)} ms between the medians`);
const problems = [
  ...(keyUs + limitUs > MAX_KEY_US ? [`a call with a known key costs more than ${MAX_KEY_US} us`] : []),
  ...(Math.abs(loginMs) >= MAX_LOGIN_MS ? [`the time of a login tells whether the name exists`] : []),
];
for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;

async function costOfKey() {
  const text = newApiKey();
  const key = { id: 'k', name: 'bench', role: 'operator', toolIds: null, expiresAt: null, hash: apiKeyHash(text) };
  const keys = { findByHash: () => Promise.resolve(key) };
  const pending = new Map();
  const usage = { note: (id) => pending.set(id, clock.now()) };
  const authenticator = new ApiKeyAuthenticator(keys, usage, clock, new PrincipalRevocations());
  return cpuOf(() => authenticator.authenticate(text));
}

async function costOfLimit() {
  const limits = new RequestLimits({ rateLimitPerMinute: 1_000_000, authRateLimitPerMinute: 0 }, clock);
  const principal = { type: 'apiKey', id: 'k' };
  return cpuOf(() => limits.takeOfPrincipal(principal));
}

/** Microseconds of CPU a call; the best of five rounds, since others may use the machine. */
async function cpuOf(call) {
  let best = Infinity;
  for (let round = 0; round < 5; round++) {
    const before = process.cpuUsage();
    for (let n = 0; n < CALLS; n++) await call();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / CALLS);
  }
  return best;
}

async function differenceOfLogins() {
  const hasher = new PasswordHasher();
  const stored = await hasher.hash('correct horse battery staple');
  const known = [];
  const unknown = [];
  for (let round = 0; round < 25; round++) {
    // Taken in turns, so that a busy moment hits both.
    known.push(await timeOf(() => hasher.verify(stored, 'wrong')));
    unknown.push(await timeOf(() => hasher.verify(null, 'wrong')));
  }
  return median(known) - median(unknown);
}

async function timeOf(work) {
  const before = performance.now();
  await work();
  return performance.now() - before;
}

function median(values) {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
}
