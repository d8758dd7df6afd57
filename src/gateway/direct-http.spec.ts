import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { DirectRequest } from './direct-request';
import { DirectResponse } from './direct-response';
import type { GatewayRequest } from './gateway.types';
import { writeJson } from './http-answers';
import { readBody } from './request-body';

const LIMIT = 1_000;
const HEAD = 'POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';

function toOf(request: IncomingMessage, response: ServerResponse): GatewayRequest {
  const principal = { toolIds: null } as GatewayRequest['principal'];
  return { request, response, id: 'r-1', origin: null, principal };
}

/** Answers each body with itself, and with 400 what is refused. */
function echo(request: IncomingMessage, response: ServerResponse): void {
  const to = toOf(request, response);
  readBody(
    request,
    LIMIT,
    (text) => writeJson(to, 200, text),
    () => writeJson(to, 400, '{}', ['Connection', 'close']),
  );
}

describe('requests and responses on the short way', () => {
  const open: (Server | Socket)[] = [];

  async function start(handler: (request: IncomingMessage, response: ServerResponse) => void, classes = true) {
    const options = classes ? { IncomingMessage: DirectRequest, ServerResponse: DirectResponse } : {};
    const server = createServer({ ...options, keepAliveTimeout: 72_000 }, handler).listen(0, '127.0.0.1');
    open.push(server);
    await once(server, 'listening');
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    open.push(socket);
    let heard = '';
    socket.setEncoding('utf8').on('data', (text: string) => (heard += text));
    const until = async (isEnough: (text: string) => boolean): Promise<string> => {
      while (!isEnough(heard)) await once(socket, 'data');
      return heard;
    };
    return { socket, until };
  }

  afterEach(() => {
    for (const one of open.splice(0)) {
      if ('closeAllConnections' in one) one.closeAllConnections();
      if ('close' in one) one.close();
      else one.destroy();
    }
  });

  const post = (body: string) => `${HEAD}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

  it('answer with the very bytes that Node would have written', async () => {
    const heads: string[] = [];
    for (const classes of [true, false]) {
      const { socket, until } = await start(echo, classes);
      socket.write(post('{"a":1}'));
      heads.push((await until((text) => text.endsWith('{"a":1}'))).replace(/Date: .*/, 'Date'));
    }
    expect(heads[0]).toBe(heads[1]);
    expect(heads[0]).toContain('Keep-Alive: timeout=72\r\n');
  });

  it('answer requests that came at once in their order, each with its own, whatever letters it has', async () => {
    const { socket, until } = await start(echo);
    const bodies = ['{"n":1}', '{"n":"é 漢"}', '{"n":3}', '{"n":4}'];
    socket.write(bodies.map(post).join(''));
    const heard = await until((text) => text.endsWith('{"n":4}'));
    expect(heard.match(/\{.*?\}/g)).toEqual(bodies);
    expect(heard).toContain(`Content-Length: ${Buffer.byteLength('{"n":"é 漢"}')}\r\n`);
  });

  it('take a body in pieces, also in chunked transfer and through the middle of a letter', async () => {
    const { socket, until } = await start(echo);
    const body = Buffer.from('{"n":"é"}');
    socket.write(`${HEAD}Content-Length: ${body.length}\r\n\r\n`);
    for (const byte of body) {
      socket.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until((text) => text.endsWith('{"n":"é"}'));
    socket.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\n4\r\n{"a"\r\n3\r\n:2}\r\n0\r\n\r\n`);
    expect(await until((text) => text.endsWith('{"a":2}'))).toContain('{"a":2}');
  });

  it('read as a stream where the body had begun before anybody asked for it', async () => {
    const { socket, until } = await start((request, response) => {
      setTimeout(() => echo(request, response), 20);
    });
    socket.write(post('{"late":1}') + post('{"late":2}'));
    await until((text) => text.endsWith('{"late":2}'));
  });

  it('refuse what is too long once, and read on for nobody', async () => {
    const { socket, until } = await start(echo);
    socket.on('error', () => undefined);
    socket.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\n`);
    const piece = 'x'.repeat(400);
    for (let n = 0; n < 5; n++) socket.write(`190\r\n${piece}\r\n`);
    const heard = await until((text) => text.endsWith('{}'));
    expect(heard).toMatch(/^HTTP\/1.1 400 /);
    if (!socket.closed) await once(socket, 'close');
  });

  it('leave a connection to Node that is not to be kept', async () => {
    const { socket, until } = await start(echo);
    socket.write(post('{"last":1}').replace('Host', 'Connection: close\r\nHost'));
    expect(await until((text) => text.endsWith('{"last":1}'))).toContain('Connection: close\r\n');
    if (!socket.closed) await once(socket, 'close');
  });

  it('tell nobody of a client that goes away in the middle of a body', async () => {
    let gone: IncomingMessage | undefined;
    let texts = 0;
    const { socket } = await start((request) => {
      gone = request;
      readBody(
        request,
        LIMIT,
        () => texts++,
        () => texts++,
      );
    });
    socket.write(`${HEAD}Content-Length: 100\r\n\r\n{"half"`);
    while (gone === undefined) await new Promise((resolve) => setImmediate(resolve));
    const closed = new Promise((resolve) => gone?.once('close', resolve));
    socket.destroy();
    await closed;
    expect([texts, gone.complete]).toEqual([0, false]);
  });
});
