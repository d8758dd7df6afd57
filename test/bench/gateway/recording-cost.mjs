/**
 * What recording every message costs a call through the gateway: `npm run bench:gateway-recording` (builds first).
 *
 * Two gateways, one whose recorder hears nothing, are driven from outside in alternation. Ends with 1 where recording keeps
 * less than 0.85 of the calls a second, or adds more than 25 us of CPU to a call (all threads of the process). The figures
 * of calls a second want a core for the gateway, one for its writer and one for the load. `--pairs=N --seconds=N`.
 */
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { addScriptTool, createKey, startMeasuredProgram } from '../../support/measured-program.mjs';
import { runLevel } from './lib/load.mjs';
import { args, median, round, table } from './lib/util.mjs';

const options = args({ pairs: '5', seconds: '4' });
const ECHO = fileURLToPath(new URL('servers/echo.mjs', import.meta.url));
const WITHOUT = fileURLToPath(new URL('../../support/without-recorder.cjs', import.meta.url));
const LIMITS = { ratio: 0.85, addedUs: 25 };

async function start(nodeArgs) {
  const program = await startMeasuredProgram({}, nodeArgs);
  await addScriptTool(program.api, 'echo', [ECHO]);
  const key = await createKey(program.api);
  const side = {
    url: `${program.origin}/mcp/echo`,
    headers: { Authorization: `Bearer ${key}` },
    pid: program.child.pid,
  };
  return { program, side };
}

const on = await start([]);
const off = await start(['--require', WITHOUT]);
const rows = [];
try {
  for (const sessions of [8, 32]) {
    const pairs = [];
    for (let n = 0; n < +options.pairs; n++) {
      const run = ({ side }) => runLevel({ ...side, seconds: +options.seconds, warmup: 1 }, sessions);
      const onFirst = n % 2 === 0;
      const [first, second] = [await run(onFirst ? on : off), await run(onFirst ? off : on)];
      pairs.push(onFirst ? { on: first, off: second } : { on: second, off: first });
    }
    const of = (pick) => round(median(pairs.map(pick)), 3);
    rows.push({
      sessions,
      'calls/s on': of((pair) => pair.on.cps),
      'calls/s off': of((pair) => pair.off.cps),
      ratio: of((pair) => pair.on.cps / pair.off.cps),
      'added us': of((pair) => (pair.on.cpuRootMs - pair.off.cpuRootMs) * 1000),
      errors: pairs.reduce((sum, pair) => sum + pair.on.errors + pair.off.errors, 0),
      otherCores: of((pair) => Math.max(pair.on.otherCores, pair.off.otherCores)),
    });
  }
} finally {
  await on.program.stop();
  await off.program.stop();
}
console.log(table(rows));
console.log(`${cpus().length} cores`);
const isMet = ({ ratio, 'added us': added, errors }) =>
  ratio >= LIMITS.ratio && added <= LIMITS.addedUs && errors === 0;
process.exit(rows.every(isMet) ? 0 : 1);
