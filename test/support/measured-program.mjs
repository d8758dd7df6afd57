/** The built program (`npm run build` first) for scripts that are no tests: conformance and benches. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));
const PASSWORD = 'a password of scripts alone';
const START_MS = 90_000;

/** Starts it in a folder of its own; nothing of our own configuration is handed on. */
export async function startMeasuredProgram(env = {}, nodeArgs = []) {
  if (!existsSync(MAIN)) throw new Error('dist/ is missing: run `npm run build` first');
  const folder = mkdtempSync(join(tmpdir(), 'mcps-measured-'));
  const child = spawn(process.execPath, [...nodeArgs, MAIN], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, PORT: '0', ADMIN_PASSWORD: PASSWORD, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const removeFolder = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    removeFolder();
  };
  try {
    const origin = await originOf(child);
    return { child, folder, origin, stop, api: await login(origin) };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Adds a tool that runs a script on this Node, and starts it. */
export async function addScriptTool(api, name, args, more = {}) {
  await api('POST', '/tools', { name, command: process.execPath, args, ...more });
  await api('POST', `/tools/${name}/start`);
}

/** The key itself. */
export async function createKey(api, more = {}) {
  const { key } = await api('POST', '/api-keys', { name: 'script', role: 'operator', tools: null, ...more });
  return key;
}

function originOf(child) {
  let text = '';
  const read = (data) => {
    // Only the beginning is of interest; the pipe has to be emptied all the same.
    if (text.length < 64 * 1024) text += data;
  };
  child.stderr.on('data', read);
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => reject(new Error(`The program did not listen in time:\n${text}`)), START_MS);
    child.once('exit', (code) => reject(new Error(`The program ended with ${code}:\n${text}`)));
    child.stdout.on('data', (data) => {
      read(data);
      const origin = /is listening on (http:\/\/[^\s"]+)/.exec(text)?.[1];
      if (!origin) return;
      clearTimeout(limit);
      resolve(origin);
    });
  });
}

async function login(origin) {
  const { accessToken } = await send(origin, 'POST', '/auth/login', { username: 'admin', password: PASSWORD });
  return (method, path, body) => send(origin, method, path, body, accessToken);
}

async function send(origin, method, path, body, token) {
  const response = await fetch(`${origin}/api/v1${path}`, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === '' ? null : JSON.parse(text);
}
