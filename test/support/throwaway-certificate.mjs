/**
 * A key and a self-signed certificate, made in memory for one test and never stored. Node.js can sign but not write
 * certificates, and `openssl` is not on every machine; a certificate of one kind is some lines of DER.
 */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

const ECDSA_WITH_SHA256 = '2a8648ce3d040302';
const COMMON_NAME = '550403';
const SUBJECT_ALT_NAME = '551d11';

const length = (size) => (size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff]);
const der = (tag, ...parts) => {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  return Buffer.concat([Buffer.from([tag, ...length(body.length)]), body]);
};
const sequence = (...parts) => der(0x30, ...parts);
const oid = (hex) => der(0x06, Buffer.from(hex, 'hex'));
const time = (date) => der(0x18, Buffer.from(date.toISOString().replace(/[-:T]|\.\d+/g, '')));
const bits = (bytes) => der(0x03, [0], bytes);

/**
 * @param {{ host: string, days: [from: number, to: number] }} options `host`: a name, or an IPv4 address; `days`: when it
 *   is valid, counted from today
 * @returns {{ key: string, cert: string }} as PEM
 */
export function throwawayCertificate({ host, days }) {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const day = (count) => time(new Date(Date.now() + count * 86_400_000));
  const name = sequence(der(0x31, sequence(oid(COMMON_NAME), der(0x0c, Buffer.from(host)))));
  const address = /^[\d.]+$/.test(host) ? der(0x87, host.split('.').map(Number)) : der(0x82, Buffer.from(host));
  const serial = Buffer.concat([Buffer.from([1]), randomBytes(8)]);
  const tbs = sequence(
    der(0xa0, der(0x02, [2])),
    der(0x02, serial),
    sequence(oid(ECDSA_WITH_SHA256)),
    name,
    sequence(day(days[0]), day(days[1])),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(sequence(oid(SUBJECT_ALT_NAME), der(0x04, sequence(address))))),
  );
  const certificate = sequence(tbs, sequence(oid(ECDSA_WITH_SHA256)), bits(sign('sha256', tbs, privateKey)));
  const pem = certificate.toString('base64').replace(/.{1,64}/g, '$&\n');
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    cert: `-----BEGIN CERTIFICATE-----\n${pem}-----END CERTIFICATE-----\n`,
  };
}
