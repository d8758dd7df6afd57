import type { LookupAddress } from 'node:dns';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AddressPolicy } from './address-policy';
import { createGuardedFetch, type LookupAll } from './guarded-fetch';
import { endOfFailure } from './remote-errors';

const OPEN = new AddressPolicy({ allowLoopback: true, allowPrivateNetworks: true });
const CLOSED = new AddressPolicy({ allowLoopback: false, allowPrivateNetworks: false });

describe('the guarded fetch', () => {
  let sink: Server;
  let port = 0;
  let arrived = 0;
  const hosts: (string | undefined)[] = [];

  beforeAll(async () => {
    sink = createServer((request, response) => {
      hosts.push(request.headers.host);
      const { pathname } = new URL(request.url ?? '/', 'http://sink');
      if (pathname === '/away') response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data/' });
      response.end('here');
    }).listen(0, '127.0.0.1');
    sink.on('connection', () => (arrived += 1));
    await once(sink, 'listening');
    port = (sink.address() as AddressInfo).port;
  });
  afterAll(() => {
    sink.closeAllConnections();
    sink.close();
  });
  beforeEach(() => {
    arrived = 0;
    hosts.length = 0;
  });

  /** A resolver that answers each question with the next of these; what it was asked is counted. */
  function answers(...rounds: string[][]): LookupAll & { asked: number } {
    const lookup = Object.assign(
      (_host: string, _options: unknown, callback: (error: null, addresses: LookupAddress[]) => void) => {
        const round = rounds[Math.min(lookup.asked, rounds.length - 1)] ?? [];
        lookup.asked += 1;
        const addresses = round.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
        setImmediate(() => {
          callback(null, addresses);
        });
      },
      { asked: 0 },
    );
    return lookup;
  }

  const failureOf = (work: Promise<unknown>) =>
    work.then(
      () => null,
      (error: unknown) => endOfFailure(error),
    );

  it('connects to the address that was checked, by the name of the URL, and looks up once for each connection', async () => {
    const lookup = answers(['127.0.0.1']);
    const get = createGuardedFetch(OPEN, lookup);
    for (let n = 0; n < 3; n += 1) expect(await (await get(`http://rebinding.example:${port}/`)).text()).toBe('here');
    expect(lookup.asked).toBe(arrived);
    expect(new Set(hosts)).toEqual(new Set([`rebinding.example:${port}`]));
  });

  it('refuses the second connection of a name that has been bound anew to a metadata address', async () => {
    const get = createGuardedFetch(OPEN, answers(['127.0.0.1'], ['169.254.169.254']));
    const close = { headers: { connection: 'close' } };
    await (await get(`http://rebinding.example:${port}/`, close)).text();
    const end = await failureOf(get(`http://rebinding.example:${port}/`));
    expect(end?.code).toBe('remote_address_refused');
    expect(arrived).toBe(1);
  });

  it.each([
    [['127.0.0.1', '169.254.169.254']],
    [['169.254.169.254', '127.0.0.1']],
    [['::ffff:a9fe:a9fe']],
    [['fd00:ec2::254', '::1']],
  ])('refuses a name of which one address is closed: %j', async (addresses) => {
    const end = await failureOf(createGuardedFetch(OPEN, answers(addresses))(`http://mixed.example:${port}/`));
    expect(end?.code).toBe('remote_address_refused');
    expect(end?.message).toContain('mixed.example');
    expect(arrived).toBe(0);
  });

  it('names the setting that would open a closed address', async () => {
    const end = await failureOf(createGuardedFetch(CLOSED, answers(['192.168.7.7']))(`http://lan.example:${port}/`));
    expect(end?.message).toContain('REMOTE_ALLOW_PRIVATE_NETWORKS=true');
    const local = await failureOf(createGuardedFetch(CLOSED)(`http://localhost:${port}/`));
    expect(local?.message).toContain('REMOTE_ALLOW_LOOPBACK=true');
    expect(arrived).toBe(0);
  });

  it('follows no redirect by itself: the next hop is for the caller, who comes back here with it', async () => {
    const get = createGuardedFetch(OPEN);
    const response = await get(`http://127.0.0.1:${port}/away`, { redirect: 'follow' });
    expect(response.status).toBe(302);
    expect((await failureOf(get(response.headers.get('location') ?? '')))?.code).toBe('remote_address_refused');
    expect(arrived).toBe(1);
  });

  it.each(['file:///etc/passwd', 'ftp://127.0.0.1/', 'http://ann:secret@127.0.0.1/', 'gopher://127.0.0.1/'])(
    'does not even begin with %s',
    async (url) => {
      expect((await failureOf(createGuardedFetch(OPEN)(url)))?.code).toBe('remote_address_refused');
    },
  );
});
