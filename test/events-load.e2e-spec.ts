import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { BUFFER_BYTES } from '../src/stream/event-stream';
import { StreamHub } from '../src/stream/stream-hub';
import { type EventClient, readEvents } from './support/event-client';
import { liveBytes } from './support/live-memory';
import { waitUntil } from './support/process-tree';
import { startTestApp, type TestApp } from './support/test-app';

let app: TestApp;
const sockets: Socket[] = [];
const clients: EventClient[] = [];

beforeAll(async () => {
  app = await startTestApp();
});

afterAll(() => app.stop());

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await waitUntil(() => openStreams() === 0, { what: 'all streams are gone' });
});

const openStreams = () => app.nest.get(StreamHub).count;

/** A reader by hand: it has asked and got the beginning, and takes no more than `read` takes. */
async function rawReader(query: string): Promise<Socket> {
  const { hostname, port } = new URL(app.origin);
  const socket = connect(Number(port), hostname);
  sockets.push(socket);
  socket.on('error', () => undefined);
  const request = [`GET /api/v1/events${query} HTTP/1.1`, `Host: ${hostname}`, `Authorization: Bearer ${app.token}`];
  socket.write(`${request.join('\r\n')}\r\n\r\n`);
  let text = '';
  while (!text.includes('event: ready')) text += String((await once(socket, 'data'))[0]);
  return socket;
}

async function reader(query: string, lastEventId?: string): Promise<EventClient> {
  const client = await readEvents(app.origin, {
    token: app.token,
    query,
    ...(lastEventId === undefined ? {} : { lastEventId }),
  });
  clients.push(client);
  await client.next('ready');
  return client;
}

describe('F38: a reader that does not read', () => {
  it('is cut at its buffer, takes nothing from others, and goes on from where it was', async () => {
    const stalled = await Promise.all([0, 1, 2].map(() => rawReader('?types=log.system')));
    for (const socket of stalled) socket.pause();
    const other = await reader('?types=log.system');
    const { lastId } = other;
    expect(openStreams()).toBe(4);

    // More than kernel and buffer hold together, in portions that the log's own queue takes.
    const logger = new Logger('Flood');
    const line = 'x'.repeat(15_000);
    let said = 0;
    let most = 0;
    const streams = Reflect.get(app.nest.get(StreamHub), 'streams') as Set<{ backlog: number }>;
    for (let round = 0; round < 80 && openStreams() > 1; round++) {
      for (let n = 0; n < 30; n++) logger.log(`${line} ${said++}`);
      await other.next('log.system', ({ message }) => message === `${line} ${said - 1}`);
      most = Math.max(most, ...[...streams].map(({ backlog }) => backlog));
    }
    expect(openStreams()).toBe(1);
    expect(most).toBeLessThanOrEqual(BUFFER_BYTES + 1024);

    const flood = (client: EventClient) => client.data('log.system').filter(({ context }) => context === 'Flood');
    expect(flood(other).map(({ message }) => message.slice(15_001))).toEqual([...Array(said).keys()].map(String));
    const again = await reader('?types=log.system', lastId);
    expect(flood(again).map(({ id }) => id)).toEqual(flood(other).map(({ id }) => id));
  });
});

describe('F37: readers that leave', () => {
  it('leave nothing behind, however they go', async () => {
    const hub = app.nest.get(StreamHub);
    const all = await Promise.all(Array.from({ length: 12 }, () => rawReader('')));
    expect(hub.count).toBe(12);
    for (const [n, socket] of all.entries()) {
      if (n % 3 === 0) socket.destroy();
      else if (n % 3 === 1) socket.end();
      else socket.resetAndDestroy();
    }
    await waitUntil(() => hub.count === 0, { what: 'no stream is open' });
    expect([Reflect.get(hub, 'stopTicking'), Reflect.get(hub, 'following')]).toEqual([null, null]);
  });

  it('are let go of as well when they leave before they have begun', async () => {
    const { hostname, port } = new URL(app.origin);
    for (let n = 0; n < 30; n++) {
      const socket = connect(Number(port), hostname);
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      socket.write(`GET /api/v1/events HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${app.token}\r\n\r\n`);
      await pause(n % 6);
      socket.destroy();
    }
    await reader('');
    const hub = app.nest.get(StreamHub);
    await clients.splice(0)[0]?.close();
    await waitUntil(() => hub.count === 0, { what: 'no stream is open' });
    expect([Reflect.get(hub, 'stopTicking'), Reflect.get(hub, 'following')]).toEqual([null, null]);
  });
});

describe('a thousand readers', () => {
  it('cost little, and all hear the same', async () => {
    await app.put('/system/config', { 'events.maxStreamsPerCaller': 1000 });
    await rawReader('');
    const before = liveBytes();
    const heard: Promise<void>[] = [];
    for (let n = 0; n < 19; n++) {
      const fifty = await Promise.all(Array.from({ length: 50 }, () => rawReader('?types=log.system')));
      heard.push(...fifty.map((socket) => hears(socket, 'for all to hear')));
    }
    expect(openStreams()).toBe(951);
    // Both ends are in this process, and the test's own sockets are the larger part of it.
    const bytesEach = (liveBytes() - before) / 950;
    expect(bytesEach).toBeLessThan(200_000);
    new Logger('Test').log('for all to hear');
    await Promise.all(heard);
  }, 240_000);

  async function hears(socket: Socket, what: string): Promise<void> {
    let text = '';
    while (!text.includes(what)) text = text.slice(-2_000) + String((await once(socket, 'data'))[0]);
  }
});
