import { envRefusal } from './refused-env';

describe('envRefusal', () => {
  it.each([
    'LD_PRELOAD',
    'LD_LIBRARY_PATH',
    'DYLD_INSERT_LIBRARIES',
    'NODE_OPTIONS',
    'PERL5OPT',
    'RUBYOPT',
    'PYTHONSTARTUP',
    'BASH_ENV',
    'BASH_FUNC_ls%%',
    'npm_config_script_shell',
    'NPM_CONFIG_NODE_OPTIONS',
    'npm_config_userconfig',
    'npm_config_call',
    'MCPS_INSTANCE',
    'A=B',
    '',
  ])('refuses %p', (name) => {
    expect(envRefusal(name)).not.toBeNull();
  });

  it.each([
    'API_KEY',
    'PATH',
    'PYTHONPATH',
    'NODE_PATH',
    'ENV',
    'NODE_ENV',
    'OLD_VALUE',
    'npm_config_registry',
    'NPM_CONFIG_CACHE',
    'npm_config_@acme:registry',
    'npm_config_//npm.acme.example/:_authToken',
    'npm_config_https_proxy',
    'MCPS_API_KEY',
  ])('accepts %p', (name) => {
    expect(envRefusal(name)).toBeNull();
  });
});
