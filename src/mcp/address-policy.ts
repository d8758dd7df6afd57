import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';
import type { AppConfig } from '../config/app-config';

/** What an address leads to, as far as it matters for who may be reached. */
export type AddressKind = 'public' | 'loopback' | 'private' | 'metadata' | 'reserved';

export interface AddressRules {
  /** This machine. */
  allowLoopback: boolean;
  /** RFC 1918, unique local (RFC 4193), shared address space (RFC 6598). */
  allowPrivateNetworks: boolean;
}

export interface AddressRefusal {
  message: string;
  hint: string;
}

/** Where clouds tell a machine its credentials. Nothing ever allows these. */
const METADATA = blockList([
  '169.254.169.254/32', // AWS, Azure, Google Cloud, DigitalOcean, OpenStack and most others
  '169.254.170.2/32', // AWS ECS tasks
  '169.254.170.23/32', // AWS EKS pod identity
  '169.254.0.23/32', // Tencent
  '100.100.100.200/32', // Alibaba
  '192.0.0.192/32', // Oracle, the old one
  '168.63.129.16/32', // Azure's wire server
  'fd00:ec2::254/128', // AWS
  'fd00:ec2::23/128',
  'fd20:ce::254/128', // Google Cloud
  'fd00:42::42/128', // Scaleway
]);
const METADATA_NAMES = /^(?:metadata|instance-data)(?:\.|$)/;

const LOOPBACK = blockList(['127.0.0.0/8', '::1/128']);

const PRIVATE = blockList([
  ...['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10'],
  'fc00::/7',
  'fec0::/10', // site-local (RFC 3879): deprecated, still routed in places
]);

/** Addresses that no server on a network has (RFC 6890 and its registries), link-local ones included. */
const RESERVED = blockList([
  ...['0.0.0.0/8', '169.254.0.0/16', '192.0.0.0/24', '192.0.2.0/24', '192.31.196.0/24', '192.52.193.0/24'],
  ...['192.88.99.0/24', '192.175.48.0/24', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24'],
  ...['224.0.0.0/4', '240.0.0.0/4'],
  ...[
    '::/128',
    '100::/64',
    '100:0:0:1::/64',
    '2001::/23',
    '2001:db8::/32',
    '3fff::/20',
    '5f00::/16',
    'fe80::/10',
    'ff00::/8',
  ],
  // Ways through which an IPv4 address is reached by an IPv6 one: 6to4, Teredo (in 2001::/23), the local NAT64 prefix,
  // IPv4-compatible and IPv4-translated. Only what is looked at below is let through.
  ...['2002::/16', '64:ff9b:1::/48', '::/96', '::ffff:0:0:0/96'],
]);

/** NAT64 (RFC 6052): on networks without IPv4 every IPv4 address is reached so. */
const NAT64 = blockList(['64:ff9b::/96']);
const MAPPED = blockList(['::ffff:0:0/96']);

/** What an IP address, in any of its spellings, leads to. */
export function kindOfAddress(address: string): AddressKind {
  // A zone says through which of our interfaces: `fe80::1%eth0`.
  const [bare = ''] = address.split('%', 1);
  if (isIPv4(bare)) return kindOfPlain(bare, 'ipv4');
  if (!isIPv6(bare)) return 'reserved';
  const inner = lastFourBytes(bare);
  // The system connects to the IPv4 address itself.
  if (MAPPED.check(bare, 'ipv6')) return kindOfPlain(inner, 'ipv4');
  if (NAT64.check(bare, 'ipv6')) {
    const kind = kindOfPlain(inner, 'ipv4');
    // The loopback of a gateway is nobody's server.
    return kind === 'loopback' ? 'reserved' : kind;
  }
  if (bare !== '::1' && METADATA.check(inner, 'ipv4') && RESERVED.check(bare, 'ipv6')) return 'metadata';
  return kindOfPlain(bare, 'ipv6');
}

function kindOfPlain(address: string, family: 'ipv4' | 'ipv6'): AddressKind {
  if (METADATA.check(address, family)) return 'metadata';
  if (LOOPBACK.check(address, family)) return 'loopback';
  if (PRIVATE.check(address, family)) return 'private';
  return RESERVED.check(address, family) ? 'reserved' : 'public';
}

/** The last 32 bits of an IPv6 address as an IPv4 one. */
function lastFourBytes(address: string): string {
  // The parser of URLs writes every spelling in one way, the end in hexadecimal too.
  const { hostname } = new URL(`http://[${address}]`);
  const groups = hostname.slice(1, -1).split(':');
  const [high, low] = [groups.at(-2) ?? '', groups.at(-1) ?? ''].map((group) => parseInt(group || '0', 16));
  return [high, low].flatMap((group = 0) => [group >> 8, group & 255]).join('.');
}

/** Which addresses remote tools may have, and why not the others. */
export class AddressPolicy {
  constructor(private readonly rules: AddressRules) {}

  /** Why a host of a URL can't be reached, as far as it shows without asking anybody; null if nothing shows. */
  refusalOfHost(hostname: string): AddressRefusal | null {
    const host = hostname.replace(/^\[|\]$/g, '');
    if (isIP(host) !== 0) return this.refusalOf(host);
    return METADATA_NAMES.test(host.toLowerCase()) ? refusalFor('metadata', host) : null;
  }

  /** Why an address can't be reached, or null. */
  refusalOf(address: string): AddressRefusal | null {
    const kind = kindOfAddress(address);
    if (kind === 'public') return null;
    if (kind === 'loopback' && this.rules.allowLoopback) return null;
    if (kind === 'private' && this.rules.allowPrivateNetworks) return null;
    return refusalFor(kind, address);
  }
}

/** The policy that the configuration asks for. */
export function addressPolicyOf(config: AppConfig): AddressPolicy {
  return new AddressPolicy({
    allowLoopback: config.remoteAllowLoopback,
    allowPrivateNetworks: config.remoteAllowPrivateNetworks,
  });
}

/** What holds where nobody says otherwise. */
export const DEFAULT_ADDRESS_POLICY = new AddressPolicy({ allowLoopback: true, allowPrivateNetworks: false });

function refusalFor(kind: Exclude<AddressKind, 'public'>, address: string): AddressRefusal {
  switch (kind) {
    case 'metadata':
      return {
        message: `${address} is where a cloud keeps the credentials of its machines`,
        hint: 'No setting allows it. Check the URL and what its name resolves to.',
      };
    case 'loopback':
      return {
        message: `${address} is this machine, which REMOTE_ALLOW_LOOPBACK=false closes to remote tools`,
        hint: 'Set REMOTE_ALLOW_LOOPBACK=true if remote tools may be on this machine.',
      };
    case 'private':
      return {
        message: `${address} is in a private network`,
        hint: 'Set REMOTE_ALLOW_PRIVATE_NETWORKS=true if remote tools may be in your own networks.',
      };
    case 'reserved':
      return {
        message: `${address} is a link-local, multicast or otherwise reserved address`,
        hint: 'No setting allows it. Give the server an address of your network, or its name.',
      };
  }
}

function blockList(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits = ''] = network.split('/');
    list.addSubnet(address, Number(bits), isIPv4(address) ? 'ipv4' : 'ipv6');
  }
  return list;
}
