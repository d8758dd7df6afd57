import { type LookupAddress, type LookupAllOptions, lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import type { RequestInit as ClientInit, Response as ClientResponse } from 'undici';
import type { AddressPolicy, AddressRefusal } from './address-policy';
import { TransportError } from './transport.types';

/** Finds all addresses of a name; a fake stands in for it in tests. */
export type LookupAll = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** Longer than any call may take: the call itself ends a request that gets no answer. */
const HEADERS_TIMEOUT_MS = 3_660_000;
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * A `fetch` that reaches only what the policy allows (server-side request forgery).
 *
 * A name is looked up when a connection is made, every address of it is checked, and the connection goes to one of those
 * very addresses: there is no second look-up in between that could answer otherwise (DNS rebinding). Host header and TLS
 * name stay those of the URL. Redirects are followed by the caller (remote-fetch.ts), so each hop passes here again. No
 * proxy is asked: what it would connect to nobody here could check.
 */
export function createGuardedFetch(
  policy: AddressPolicy,
  lookup: LookupAll = (hostname, options, callback) => systemLookup(hostname, options, callback),
): typeof fetch {
  // Made with the first request: most installations have local tools only, and the client costs 10 MB.
  let client: Promise<Client> | null = null;
  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    assertReachable(url, policy);
    client ??= createClient(guardedLookup(policy, lookup));
    const request = await client;
    // The same interface twice: Node's own types, and those of the newer version of the same client.
    return (await request(url, init as unknown as ClientInit)) as unknown as Response;
  };
}

/** An address in the URL itself is never looked up, so it is looked at here. */
function assertReachable(url: URL, policy: AddressPolicy): void {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new TransportError('remote_address_refused', `Only http and https are reached, not ${url.protocol}`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new TransportError('remote_address_refused', 'The URL holds credentials; they belong into headers');
  }
  const refusal = policy.refusalOfHost(url.hostname);
  if (refusal) throw refused(url.hostname, refusal);
}

type Client = (url: URL, init: ClientInit) => Promise<ClientResponse>;

async function createClient(lookup: LookupFunction): Promise<Client> {
  const undici = await import('undici');
  const dispatcher = new undici.Agent({
    connect: { lookup, timeout: CONNECT_TIMEOUT_MS },
    headersTimeout: HEADERS_TIMEOUT_MS,
    // A stream of events may be silent for hours; TCP keep-alive (on in this client) finds a peer that has gone.
    bodyTimeout: 0,
  });
  // 'manual': a hop that is followed unseen would be checked by half.
  return (url, init) => undici.fetch(url, { ...init, redirect: 'manual', dispatcher });
}

/** One bad address spoils the name: which of them is taken is nobody's to choose. */
function guardedLookup(policy: AddressPolicy, lookup: LookupAll): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) {
        callback(error, []);
        return;
      }
      for (const { address } of addresses) {
        const refusal = policy.refusalOf(address);
        if (refusal) {
          callback(refused(hostname, refusal), []);
          return;
        }
      }
      const [first] = addresses;
      if (options.all === true || first === undefined) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}

function refused(host: string, { message, hint }: AddressRefusal): TransportError {
  const name = message.startsWith(host.replace(/^\[|\]$/g, '')) ? '' : `${host}: `;
  return new TransportError('remote_address_refused', `${name}${message}. ${hint}`);
}
