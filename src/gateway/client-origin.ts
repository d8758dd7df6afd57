import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';

/** From where a request really came, behind proxies that are trusted (TRUSTED_PROXIES). */
export class ClientOrigin {
  private readonly proxies: BlockList | null;

  constructor(trusted: readonly string[]) {
    this.proxies = trusted.length === 0 ? null : blockListOf(trusted);
  }

  /** The address that is not a proxy of ours, nearest to us. */
  addressOf(request: IncomingMessage): string {
    const direct = request.socket.remoteAddress ?? '';
    if (!this.isTrusted(direct)) return direct;
    const hops = String(request.headers['x-forwarded-for'] ?? '')
      .split(',')
      .map((hop) => hop.trim())
      .filter((hop) => hop !== '');
    for (const hop of hops.reverse()) if (!this.isTrusted(hop)) return hop;
    return hops.at(-1) ?? direct;
  }

  /** `http` or `https`, as the client wrote it. */
  schemeOf(request: IncomingMessage): string {
    const forwarded = request.headers['x-forwarded-proto'];
    const isForwarded = typeof forwarded === 'string' && this.isTrusted(request.socket.remoteAddress ?? '');
    return isForwarded && forwarded.split(',')[0]?.trim() === 'https' ? 'https' : 'http';
  }

  private isTrusted(address: string): boolean {
    if (this.proxies === null) return false;
    const version = isIP(address);
    if (version === 0) return false;
    return this.proxies.check(address, version === 6 ? 'ipv6' : 'ipv4');
  }
}

function blockListOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}
