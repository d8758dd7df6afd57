/** The official suite: installed where it is missing, run, and its verdicts read. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const NODE = join(HERE, 'node_modules/node/bin/node');
const SUITE = join(HERE, 'node_modules/@modelcontextprotocol/conformance');
const RESULTS = join(HERE, '../../test-results/conformance');
const RUN_MS = 300_000;

export function installSuite() {
  const { dependencies } = JSON.parse(readFileSync(join(HERE, 'package.json'), 'utf8'));
  const isThere = existsSync(NODE) && versionOf(SUITE) === dependencies['@modelcontextprotocol/conformance'];
  if (isThere) return;
  console.log('Installing the conformance suite ...');
  execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: HERE, stdio: 'inherit' });
}

function versionOf(folder) {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version;
  } catch {
    return undefined;
  }
}

/** The scenarios a revision requires of a `server` or a `client`. */
export function requiredScenarios(revision, side) {
  const lines = readFileSync(join(SUITE, 'requirements', `${revision}.yaml`), 'utf8').split('\n');
  const begin = lines.indexOf(`${side}:`);
  if (begin < 0) throw new Error(`The requirements of ${revision} name no ${side} scenarios`);
  const rest = lines.slice(begin + 1);
  const end = rest.findIndex((line) => /^\S/.test(line) && !line.startsWith('#'));
  const own = end < 0 ? rest : rest.slice(0, end);
  return own.flatMap((line) => /^\s+- (\S+)\s*$/.exec(line)?.[1] ?? []);
}

/** Runs all required server scenarios of a revision; what each check said, by scenario. */
export async function runServerScenarios(name, url, revision) {
  const folder = freshFolder(name);
  await runSuite(folder, ['server', '--url', url, '--requirements', revision, '-o', folder]);
  return new Map(requiredScenarios(revision, 'server').map((scenario) => [scenario, checksOf(folder, scenario)]));
}

/** Runs one client scenario; the suite says by its exit code whether it was passed without a warning. */
export async function runClientScenario(scenario, revision, command) {
  const folder = freshFolder(`client-${revision}-${scenario}`);
  const args = ['client', '--command', command, '--scenario', scenario, '--spec-version', revision, '-o', folder];
  const code = await runSuite(folder, args);
  const checks = checksOf(folder, scenario);
  return { checks, passed: code === 0 && checks !== null };
}

function freshFolder(name) {
  const folder = join(RESULTS, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}

function runSuite(folder, args) {
  const child = spawn(NODE, [join(SUITE, 'dist/index.js'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: RUN_MS,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      writeFileSync(join(folder, 'output.txt'), output);
      resolve(code);
    });
  });
}

/** Null if the scenario left no result. */
function checksOf(folder, scenario) {
  // The suite adds the time to the name; a slash in a name makes a folder of it.
  const found = readdirSync(folder, { recursive: true }).filter((file) => {
    const name = file.replace(/^server-/, '').replace(/-\d{4}-\d\d-\d\dT[\d-]+Z\/checks\.json$/, '');
    return file.endsWith('checks.json') && name === scenario;
  });
  if (found.length !== 1) return null;
  return JSON.parse(readFileSync(join(folder, found[0]), 'utf8'));
}
