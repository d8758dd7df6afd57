#!/usr/bin/env node
/**
 * A container engine for tests, named `docker` or `podman` by a link: its containers are real processes in a session of
 * their own, with an environment of their own, which the client's death does not touch. It keeps its state, one file a
 * container, in the folder that DOCKER_CONFIG names (a variable that ours hands on to the real client, too).
 *
 *   run [--rm] [-i] [--name N] [--label L] [--cidfile F] IMAGE COMMAND...   pipes go through, SIGTERM is handed on
 *   ps --all --quiet --no-trunc --filter label=...|status=...               ids of those that match, one a line
 *   kill ID, rm --force ID...                                               SIGKILL; rm forgets it, too
 *
 * Files in that folder make it misbehave: `hang` (never answers but to `run`), `refuse` (fails but for `run`).
 * Every call is noted in the file `calls`.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.env.DOCKER_CONFIG ?? '.';
const args = process.argv.slice(2);
appendFileSync(join(folder, 'calls'), `${args.slice(0, 8).join(' ')}\n`);
while (args[0] === '--context' || args[0] === 'container') args.splice(0, args[0] === 'container' ? 1 : 2);
const [verb, ...rest] = args;
if (verb !== 'run' && existsSync(join(folder, 'hang'))) setInterval(() => undefined, 1_000);
else if (verb !== 'run' && existsSync(join(folder, 'refuse'))) fail('Cannot connect to the engine. Is it running?');
else if (verb === 'run') run(rest);
else if (verb === 'ps') for (const { id } of listed(rest)) console.log(id);
else if (verb === 'kill') end(rest[0], 'keep');
else if (verb === 'rm') for (const id of rest.filter((arg) => !arg.startsWith('-'))) end(id, 'forget');
else fail(`unknown command ${verb}`);

function run(options) {
  const labels = [];
  let cidFile;
  while (options[0]?.startsWith('-')) {
    const [name, inline] = options.shift().split(/=(.*)/s);
    if (['--rm', '-i', '--init'].includes(name)) continue;
    const value = inline ?? options.shift();
    if (name === '--label') labels.push(value);
    if (name === '--cidfile') cidFile = value;
  }
  const [, command, ...rest] = options;
  if (cidFile && existsSync(cidFile)) fail(`Container ID file found, make sure the other container isn't running`);
  const id = randomBytes(32).toString('hex');
  if (cidFile) writeFileSync(cidFile, id);
  // As an engine's: its own session, nothing of our environment.
  const child = spawn(command, rest, { detached: true, stdio: 'inherit', env: { PATH: process.env.PATH } });
  child.on('error', (error) => fail(error.message));
  writeFileSync(join(folder, `${id}.container`), JSON.stringify({ id, labels, pid: child.pid }));
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    rmSync(join(folder, `${id}.container`), { force: true });
    process.exit(code ?? (signal ? 137 : 1));
  });
}

function containers() {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.container'))
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')))
    .filter(({ pid }) => isLiving(pid));
}

function listed(options) {
  const wanted = options.filter((option) => option.startsWith('label=')).map((option) => option.slice('label='.length));
  if (!options.includes('status=running')) return [];
  return containers().filter(({ labels }) => wanted.every((label) => labels.includes(label)));
}

function end(id, memory) {
  const found = containers().find((container) => container.id === id);
  if (!found) fail(`No such container: ${id}`);
  process.kill(found.pid, 'SIGKILL');
  if (memory === 'forget') rmSync(join(folder, `${id}.container`), { force: true });
  console.log(id);
}

function isLiving(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return !/^[ZX]$/.test(stat.slice(stat.lastIndexOf(')') + 2)[0]);
  } catch {
    return false;
  }
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
