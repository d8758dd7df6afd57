import { resolve } from 'node:path';
import { parseDatabaseUrl } from './database-url';

describe('DATABASE_URL', () => {
  it.each([
    ['sqlite:///./data/mcps.db', resolve('data/mcps.db')],
    ['sqlite:///mcps.db', resolve('mcps.db')],
    ['sqlite:////var/lib/mcps/mcps.db', '/var/lib/mcps/mcps.db'],
    ['sqlite:////var/my%20data/mcps.db', '/var/my data/mcps.db'],
    ['sqlite:////var/lib/100%25/mcps.db', '/var/lib/100%/mcps.db'],
  ])('%s is the file %s', (url, file) => {
    expect(parseDatabaseUrl(url)).toEqual({ type: 'sqlite', file, temporary: false });
  });

  it.each(['sqlite::memory:', 'sqlite://:memory:', 'sqlite:///:memory:'])('%s is a temporary database', (url) => {
    expect(parseDatabaseUrl(url)).toEqual({ type: 'sqlite', file: ':memory:', temporary: true });
  });

  it.each(['postgresql://user:pa%40ss@host:5432/mcps', 'postgres://host/mcps?sslmode=require'])(
    '%s is handed to the driver as it is',
    (url) => {
      expect(parseDatabaseUrl(url)).toEqual({ type: 'postgres', url });
    },
  );

  it.each([
    ['sqlite://mcps.db', /three slashes.*four slashes/],
    ['sqlite:mcps.db', /three slashes.*four slashes/],
    ['sqlite:///', /three slashes.*four slashes/],
    ['sqlite:////var/lib/100%/mcps.db', /^has a % that begins no escape/],
    ['postgresql://host', /^names no database/],
    ['postgresql://host/', /^names no database/],
    ['postgresql://user:secret@:x/mcps', /^is no valid URL/],
    ['mysql://user:secret@host/mcps', /^must begin with sqlite:\/\/\/ or postgresql:\/\/$/],
    ['mcps.db', /^must begin with/],
  ])('refuses %s without repeating a password', (url, message) => {
    expect(() => parseDatabaseUrl(url)).toThrow(message);
    expect(() => parseDatabaseUrl(url)).not.toThrow(/secret/);
  });
});
