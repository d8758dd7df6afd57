import { connect } from 'node:net';
import { aKey } from './support/accounts';
import { aTool } from './support/a-tool';
import { crowd } from './support/crowd';
import { startTestApp, type TestApp } from './support/test-app';

describe('the gateway, at length', () => {
  let app: TestApp;
  let key: string;
  beforeAll(async () => {
    app = await startTestApp();
    ({ key } = await aKey(app, { role: 'operator' }));
    await app.post('/tools', aTool({ name: 'dual', flags: ['--era', 'dual'], timeoutMs: 60_000 }));
  });
  afterAll(() => app.stop());

  it('A13: 200 clients of both eras with identical ids make 20,000 calls; none is crossed, none lost', async () => {
    const result = await crowd({ origin: app.origin, key, tool: 'dual' }, { clients: 200, calls: 20_000 });
    expect(result).toEqual({ answered: 20_000, crossed: [], failed: [] });
  }, 300_000);

  it('F36: answers 408 to headers and bodies that do not come', async () => {
    const host = new URL(app.origin).host;
    const begun = [
      'POST /mcp/dual HTTP/1.1\r\nX-Slow: ',
      `POST /mcp/dual HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${key}\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{`,
    ];
    const answers = await Promise.all(
      begun.map(
        (text) =>
          new Promise<string>((resolve) => {
            let received = '';
            const socket = connect(Number(new URL(app.origin).port), '127.0.0.1', () => socket.write(text));
            socket.on('data', (chunk) => (received += chunk.toString('latin1')));
            socket.on('error', () => undefined);
            socket.once('close', () => resolve(received));
          }),
      ),
    );
    for (const answer of answers) expect(answer).toMatch(/^HTTP\/1.1 408 /);
  }, 150_000);
});
