import { isIP, isIPv6 } from 'node:net';
import { isAbsolute, resolve } from 'node:path';

/** Reads one variable's text; throws an Error whose message completes "NAME ...". */
export type Parser<T> = (text: string) => T;

export function text(options: { pattern?: RegExp; explain?: string; minLength?: number } = {}): Parser<string> {
  return (value) => {
    if (options.minLength !== undefined && value.length < options.minLength) {
      throw new Error(`must have at least ${options.minLength} characters`);
    }
    if (options.pattern && !options.pattern.test(value)) throw new Error(options.explain ?? 'is malformed');
    return value;
  };
}

export function integer(range: { min: number; max: number }): Parser<number> {
  return (value) => {
    const number = Number(value);
    if (!/^-?\d+$/.test(value) || number < range.min || number > range.max) {
      throw new Error(`must be a whole number from ${range.min} to ${range.max}, not "${value}"`);
    }
    return number;
  };
}

export function boolean(): Parser<boolean> {
  return (value) => {
    if (/^(true|1|yes|on)$/i.test(value)) return true;
    if (/^(false|0|no|off)$/i.test(value)) return false;
    throw new Error(`must be true or false, not "${value}"`);
  };
}

export function oneOf<T extends string>(words: readonly T[], aliases: Record<string, T> = {}): Parser<T> {
  const known = new Map(Object.entries(aliases));
  return (value) => {
    const lower = value.toLowerCase();
    const found = words.find((word) => word === lower) ?? known.get(lower);
    if (found === undefined) throw new Error(`must be one of ${words.join(', ')}, not "${value}"`);
    return found;
  };
}

/** A JSON array of strings or a comma separated list; every entry goes through `check`. */
export function list(check: (entry: string) => string = (entry) => entry): Parser<string[]> {
  return (value) => entriesOf(value).map(check);
}

/** `[::1],localhost` is no JSON: IPv6 addresses stand in brackets too. */
const JSON_START = /^\s*\[(?![\da-f:.]*:[\da-f:.]*\])/i;

function entriesOf(value: string): string[] {
  if (!JSON_START.test(value)) {
    return value
      .split(',')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== '');
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(value);
  } catch {
    throw new Error('begins like a JSON array but is not valid JSON');
  }
  if (!Array.isArray(parsed) || !parsed.every((entry) => typeof entry === 'string')) {
    throw new Error('must be a JSON array of strings');
  }
  return parsed;
}

/** A path; relative ones count from the working directory. */
export function path(): Parser<string> {
  return (value) => {
    if (value.includes('\0')) throw new Error('must be a path');
    return isAbsolute(value) ? value : resolve(value);
  };
}

/** An origin as browsers send it: scheme, host and port, nothing behind. */
export function origin(entry: string): string {
  let url: URL;
  try {
    url = new URL(entry);
  } catch {
    throw new Error(`has "${entry}", which is no origin such as https://dashboard.example.com`);
  }
  if (!/^https?:$/.test(url.protocol) || entry.replace(/\/$/, '') !== url.origin) {
    throw new Error(`has "${entry}": an origin is http(s)://host[:port] and nothing more ("${url.origin}"?)`);
  }
  return url.origin;
}

/** A host name as it stands in a Host header, without its port; `*` allows any. */
export function hostName(entry: string): string {
  const lower = bracketed(entry.toLowerCase());
  if (lower === '*' || /^([a-z0-9._-]+|\[[\da-f:.]+\])$/.test(lower)) return lower;
  throw new Error(`has "${entry}", which is no host name (its port is left out)`);
}

/** An address, or a network as address/bits. A network of everybody is refused: then anyone could claim any address. */
export function network(entry: string): string {
  const [address = '', bits, ...rest] = entry.split('/');
  const version = isIP(address);
  const most = version === 4 ? 32 : 128;
  const isNetwork = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) >= 1 && Number(bits) <= most);
  if (version === 0 || !isNetwork || rest.length > 0) {
    throw new Error(`has "${entry}", which is no address or network such as 10.0.0.5 or 10.0.0.0/8`);
  }
  return entry;
}

/** An address as it stands in a Host header or a URL: IPv6 in brackets. */
export function bracketed(host: string): string {
  return isIPv6(host) ? `[${host}]` : host;
}
