import { isIPv6 } from 'node:net';

/** Longest text kept of what a proxy calls an address. */
const MAX_LENGTH = 64;

/**
 * Under which key an address is counted. Of IPv6 the first 64 bits: every customer of a provider has at least so many
 * addresses to choose from. An IPv4 address in the clothes of IPv6 counts as itself.
 */
export function addressKey(address: string): string {
  const text = (address.split('%')[0] ?? '').toLowerCase();
  if (!isIPv6(text)) return text.slice(0, MAX_LENGTH);
  const groups = groupsOf(text);
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (isMapped)
    return groups
      .slice(6)
      .flatMap((group) => [group >> 8, group & 0xff])
      .join('.');
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`;
}

/** The eight 16-bit groups of a valid IPv6 address. */
function groupsOf(address: string): number[] {
  const [head = '', tail] = address.split('::');
  const [first, last] = [parts(head), parts(tail ?? '')];
  return [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last];
}

function parts(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((part) => {
    if (!part.includes('.')) return [Number.parseInt(part, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number);
    return [(a << 8) | b, (c << 8) | d];
  });
}
