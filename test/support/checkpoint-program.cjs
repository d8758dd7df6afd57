/**
 * The built program, which ends itself with SIGKILL when a backup or a restore reaches KILL_AT. The program itself knows
 * of no such thing: the port that is called at each point is replaced here, from outside.
 */
require('reflect-metadata');
const { createApp } = require('../../dist/src/app.setup.js');
const { BackupCheckpoints } = require('../../dist/src/backup/backup-checkpoints.js');
const { AppLogger } = require('../../dist/src/common/app-logger.js');
const { loadConfig } = require('../../dist/src/config/load-config.js');

async function main() {
  const app = await createApp(loadConfig(), new AppLogger('error'));
  app.get(BackupCheckpoints).reached = (point) => {
    if (point === process.env.KILL_AT) process.kill(process.pid, 'SIGKILL');
    return Promise.resolve();
  };
  await app.listen(0, '127.0.0.1');
  process.stdout.write(`It is listening on http://127.0.0.1:${app.getHttpServer().address().port}\n`);
}

void main();
