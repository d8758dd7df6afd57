/**
 * The committed API description, docs/openapi.json, against what the program says: see USAGE.
 * The built program prints its document (`node dist/src/openapi.js`), so build first.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';

const USAGE = `Usage: node scripts/openapi.mjs --write | --check

  --write   write docs/openapi.json
  --check   compare docs/openapi.json with the program, tell the difference and exit with 1
  --help    print this

Run "npm run build" before: the document comes from dist/src/openapi.js.`;

const root = fileURLToPath(new URL('..', import.meta.url));
const program = join(root, 'dist/src/openapi.js');
const file = join(root, 'docs/openapi.json');
const [mode, ...rest] = process.argv.slice(2);

if (mode === '--help') {
  console.log(USAGE);
} else if ((mode !== '--write' && mode !== '--check') || rest.length > 0) {
  console.error(USAGE);
  process.exit(2);
} else {
  const document = readDocument();
  const text = `${JSON.stringify(document, null, 2)}\n`;
  if (mode === '--write') writeFileSync(file, text);
  else check(document, text);
}

function readDocument() {
  if (!existsSync(program)) fail('dist/src/openapi.js is missing. Run "npm run build" first.');
  const { status, signal, stdout, stderr, error } = spawnSync(process.execPath, [program], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    timeout: 120_000,
  });
  if (status !== 0) fail(`dist/src/openapi.js failed (${error?.message ?? signal ?? `exit ${status}`}).\n${stderr}`);
  try {
    return JSON.parse(stdout);
  } catch (cause) {
    return fail(`dist/src/openapi.js printed no JSON: ${cause.message}\n${stdout.slice(0, 500)}`);
  }
}

function check(document, text) {
  if (!existsSync(file)) fail('docs/openapi.json is missing. Run "npm run openapi" and commit it.');
  const committed = readFileSync(file, 'utf8');
  if (committed === text) return;
  const lines = differences(JSON.parse(committed), document);
  if (lines.length === 0) lines.push('  only the order or the formatting');
  fail(`docs/openapi.json is not what the program says:\n${lines.join('\n')}\nRun "npm run openapi" and commit it.`);
}

function differences(before, after) {
  const parts = [
    compare('', operations(before), operations(after)),
    compare('schema ', before.components?.schemas, after.components?.schemas),
    compare('section ', sections(before), sections(after)),
  ];
  return parts.flat();
}

/** { 'GET /tools': operation, ... }; what a path has besides its methods counts as one of them. */
function operations({ paths = {} }) {
  const all = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation]),
  );
  return Object.fromEntries(all);
}

/** Everything besides paths and schemas, which are compared one by one. */
function sections(document) {
  const others = structuredClone(document);
  delete others.paths;
  delete others.components?.schemas;
  return others;
}

function compare(kind, before = {}, after = {}) {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.flatMap((name) => {
    if (!(name in before)) return [`  added    ${kind}${name}`];
    if (!(name in after)) return [`  removed  ${kind}${name}`];
    return isDeepStrictEqual(before[name], after[name]) ? [] : [`  changed  ${kind}${name}`];
  });
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
