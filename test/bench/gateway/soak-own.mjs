/**
 * A long time at a modest rate, with sessions that come and go: `npm run bench:soak` (builds first).
 *
 * 100 calls a second for 15 minutes over 8 sessions that are opened anew every 5 s, half of them without ever being ended.
 * Ends with 1 on any error, or if the gateway's memory grows by 10 MB an hour or more in the second half. `--minutes=N`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { addScriptTool, createKey, startMeasuredProgram } from '../../support/measured-program.mjs';
import { args } from './lib/util.mjs';

const { minutes } = args({ minutes: '15' });
const ECHO = fileURLToPath(new URL('servers/echo.mjs', import.meta.url));
const SOAK = fileURLToPath(new URL('soak.mjs', import.meta.url));
const LOAD = ['--rate', '100', '--sessions', '8', '--churn', '5', '--leave', '0.5', '--max-slope', '10'];

const program = await startMeasuredProgram();
try {
  await addScriptTool(program.api, 'echo', [ECHO]);
  const key = await createKey(program.api);
  const whom = ['--url', `${program.origin}/mcp/echo`, '--pid', String(program.child.pid)];
  const header = ['--header', `Authorization: Bearer ${key}`];
  const soak = spawn(process.execPath, [SOAK, ...whom, ...header, '--minutes', minutes, ...LOAD], { stdio: 'inherit' });
  const [code] = await once(soak, 'exit');
  process.exitCode = code ?? 1;
} finally {
  await program.stop();
}
