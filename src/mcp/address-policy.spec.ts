import { AddressPolicy, DEFAULT_ADDRESS_POLICY, kindOfAddress } from './address-policy';

const CLOSED = new AddressPolicy({ allowLoopback: false, allowPrivateNetworks: false });
const OPEN = new AddressPolicy({ allowLoopback: true, allowPrivateNetworks: true });

describe('the kind of an address', () => {
  it.each([
    ['loopback', ['127.0.0.1', '127.255.255.254', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1', '::ffff:7f00:1']],
    ['private', ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '100.64.0.1', '100.127.255.255']],
    ['private', ['fc00::1', 'fd12:3456::1', 'fec0::1', '::ffff:10.0.0.1', '64:ff9b::10.0.0.1', '64:ff9b::c0a8:101']],
    ['metadata', ['169.254.169.254', '169.254.170.2', '100.100.100.200', '192.0.0.192', '168.63.129.16']],
    ['metadata', ['fd00:ec2::254', '::ffff:169.254.169.254', '::ffff:a9fe:a9fe', '64:ff9b::a9fe:a9fe', '::a9fe:a9fe']],
    ['reserved', ['0.0.0.0', '0.1.2.3', '169.254.1.1', '192.0.2.1', '198.18.0.1', '198.51.100.7', '203.0.113.9']],
    ['reserved', ['224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255', '192.88.99.1']],
    ['reserved', ['::', 'fe80::1', 'fe80::1%eth0', 'ff02::1', '2001:db8::1', '3fff::1', '100::1', '::8.8.8.8']],
    [
      'reserved',
      ['2002:a9fe:a9fe::1', '2002:808:808::1', '2001:0:4136:e378:8000:63bf:3fff:fdd2', '64:ff9b:1::808:808'],
    ],
    ['reserved', ['64:ff9b::127.0.0.1', '64:ff9b::0.0.0.0', '::ffff:0:808:808', 'not an address', '']],
    ['public', ['8.8.8.8', '1.1.1.1', '172.15.255.255', '172.32.0.1', '100.63.255.255', '100.128.0.1', '169.253.1.1']],
    ['public', ['2606:4700:4700::1111', '2a00:1450::1', '::ffff:8.8.8.8', '64:ff9b::8.8.8.8']],
  ])('is %s for %j', (kind, addresses) => {
    expect(addresses.map((address) => [address, kindOfAddress(address)])).toEqual(
      addresses.map((address) => [address, kind]),
    );
  });
});

describe('the policy', () => {
  it('allows this machine and closes private networks unless told otherwise, and names the setting', () => {
    expect(DEFAULT_ADDRESS_POLICY.refusalOf('127.0.0.1')).toBeNull();
    expect(DEFAULT_ADDRESS_POLICY.refusalOf('192.168.1.20')?.hint).toContain('REMOTE_ALLOW_PRIVATE_NETWORKS=true');
    expect(CLOSED.refusalOf('127.0.0.1')?.hint).toContain('REMOTE_ALLOW_LOOPBACK=true');
    expect(OPEN.refusalOf('192.168.1.20')).toBeNull();
  });

  it.each(['169.254.169.254', 'fd00:ec2::254', '::ffff:169.254.169.254', '169.254.0.1', '0.0.0.0', '255.255.255.255'])(
    'has no setting that opens %s',
    (address) => {
      expect(OPEN.refusalOf(address)?.hint).toContain('No setting');
    },
  );

  // The parser of URLs has made an address of all of these before the policy sees them.
  it.each([
    ...['http://127.1/', 'http://0x7f.1/', 'http://2130706433/', 'http://017700000001/', 'http://127.0.0.1./'],
    ...['http://①②⑦.⓪.⓪.①/', 'http://[::1]/', 'http://[::ffff:7f00:1]/', 'http://0/', 'http://[::]/'],
    ...['http://0xa9fea9fe/', 'http://2852039166/', 'http://169.254.43518/', 'http://[::ffff:a9fe:a9fe]/'],
    ...['http://metadata.google.internal/', 'http://METADATA/', 'http://instance-data.ec2.internal/'],
  ])('sees through %s', (url) => {
    expect(CLOSED.refusalOfHost(new URL(url).hostname)).not.toBeNull();
  });

  it.each(['http://example.com/', 'http://8.8.8.8/', 'http://metadata-service.example.com/', 'http://localhost/'])(
    'leaves %s to the look-up',
    (url) => {
      expect(CLOSED.refusalOfHost(new URL(url).hostname)).toBeNull();
    },
  );
});
