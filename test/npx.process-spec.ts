import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestApp, type TestApp } from './support/test-app';

const PACKAGE = 'mcps-one-fixture';

/** A registry with one package in one version: the fixture server. */
class Registry {
  private server: Server | null = null;
  private port = 0;
  private readonly tarball: Buffer;

  constructor(folder: string) {
    const content = join(folder, 'package');
    mkdirSync(content);
    cpSync(join(__dirname, 'support/fixture-mcp-server.mjs'), join(content, 'server.mjs'));
    writeFileSync(
      join(content, 'package.json'),
      JSON.stringify({ name: PACKAGE, version: '1.0.0', bin: { [PACKAGE]: 'server.mjs' } }),
    );
    execFileSync('tar', ['-czf', join(folder, 'package.tgz'), '-C', folder, 'package']);
    this.tarball = readFileSync(join(folder, 'package.tgz'));
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  async start(): Promise<void> {
    this.server = createServer((request, response) => {
      if (request.url === `/${PACKAGE}`) response.end(JSON.stringify(this.packument()));
      else if (request.url?.endsWith('.tgz')) response.end(this.tarball);
      else response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"not found"}');
    }).listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = (this.server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.server?.closeAllConnections();
    await new Promise((resolve) => this.server?.close(resolve));
  }

  private packument(): unknown {
    const integrity = `sha512-${createHash('sha512').update(this.tarball).digest('base64')}`;
    const dist = { tarball: `${this.url}${PACKAGE}-1.0.0.tgz`, integrity };
    const version = { name: PACKAGE, version: '1.0.0', bin: { [PACKAGE]: 'server.mjs' }, dist };
    return { name: PACKAGE, 'dist-tags': { latest: '1.0.0' }, versions: { '1.0.0': version } };
  }
}

describe('F28: a tool that npx starts', () => {
  let app: TestApp;
  let registry: Registry;
  const scratch = mkdtempSync(join(tmpdir(), 'mcps-npx-'));
  beforeAll(async () => {
    app = await startTestApp();
    registry = new Registry(scratch);
    await registry.start();
  });
  afterAll(async () => {
    await app.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  // npm itself would try for more than a minute.
  const npx = (spec: string, ...flags: string[]) => ({
    command: 'npx',
    args: ['--fetch-retries=0', ...flags, '-y', spec],
    env: { npm_config_registry: registry.url, npm_config_cache: join(scratch, 'cache') },
    restartPolicy: 'never',
  });
  const started = async (name: string, definition: object) => {
    await app.post('/tools', { name, ...definition });
    const { status, body } = await app.post(`/tools/${name}/start`);
    await app.post(`/tools/${name}/stop`);
    return { status, state: body.state, reason: body.reason, detail: body.detail ?? '' };
  };

  it('starts from the registry, and from the cache when that is gone; what is not cached names the reason', async () => {
    expect(await started('fresh', npx(PACKAGE))).toMatchObject({ status: 200, state: 'running' });
    const missing = await started('missing', npx('no-such-package-mcp'));
    expect(missing).toMatchObject({ status: 502, reason: 'package_not_found' });
    expect(missing.detail).toContain('"no-such-package-mcp"');
    const version = await started('version', npx(`${PACKAGE}@99.0.0`));
    expect(version).toMatchObject({ status: 502, reason: 'package_version_not_found' });
    expect(version.detail).toContain(`"${PACKAGE}@99.0.0"`);

    await registry.stop();
    expect(await started('cached', npx(PACKAGE))).toMatchObject({ status: 200, state: 'running' });
    expect(await started('offline', npx(`${PACKAGE}@1.0.0`, '--offline'))).toMatchObject({ status: 200 });
    const unreachable = await started('unreachable', npx('another-package-mcp'));
    expect(unreachable).toMatchObject({ status: 502, reason: 'registry_unreachable' });
    expect(unreachable.detail).toContain('ECONNREFUSED');
  }, 120_000);
});
