import { childEnvironment } from './child-environment';

const OURS = {
  PATH: '/bin',
  HOME: '/root',
  LC_ALL: 'C',
  https_proxy: 'http://proxy',
  npm_config_registry: 'http://registry',
  DATABASE_URL: 'postgres://user:password@db',
  SECRET_KEY: 'ours',
  NODE_OPTIONS: '--inspect',
  LD_PRELOAD: 'evil.so',
  CORPORATE_CA: '/ca.pem',
  TZ: undefined,
};

describe('the environment of a child', () => {
  it('has of ours only what is on the list, never our database or our key', () => {
    expect(childEnvironment(OURS, [], {}, 'm')).toEqual({
      PATH: '/bin',
      HOME: '/root',
      LC_ALL: 'C',
      https_proxy: 'http://proxy',
      npm_config_registry: 'http://registry',
      MCPS_INSTANCE: 'm',
    });
  });

  it('has what the operator passes through, by its exact name', () => {
    const env = childEnvironment(OURS, ['CORPORATE_CA', 'SECRET', 'NOT_SET'], {}, 'm');
    expect(env.CORPORATE_CA).toBe('/ca.pem');
    expect(Object.keys(env)).not.toEqual(expect.arrayContaining(['SECRET_KEY']));
    expect(env).not.toHaveProperty('NOT_SET');
  });

  it('prefers what the tool sets itself, but for the marker', () => {
    const own = { PATH: '/opt/bin', DATABASE_URL: 'theirs', MCPS_INSTANCE: 'forged' };
    expect(childEnvironment(OURS, ['MCPS_INSTANCE'], own, 'm')).toMatchObject({
      PATH: '/opt/bin',
      DATABASE_URL: 'theirs',
      MCPS_INSTANCE: 'm',
    });
  });
});
