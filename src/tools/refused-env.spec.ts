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
    'PATH',
    'Path',
    'JAVA_TOOL_OPTIONS',
    'GIT_SSH_COMMAND',
    'GIT_CONFIG_COUNT',
    'DOTNET_STARTUP_HOOKS',
    'ZDOTDIR',
    'PYTHONHOME',
    'A=B',
    '',
  ])('refuses %p', (name) => {
    expect(envRefusal(name, 'x')).not.toBeNull();
  });

  it.each([
    'API_KEY',
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
    expect(envRefusal(name, 'x')).toBeNull();
  });

  it('refuses ENV where it names a file, which shells run', () => {
    expect(envRefusal('ENV', '/tmp/evil.sh')).not.toBeNull();
    expect(envRefusal('ENV', '$(evil)')).not.toBeNull();
    expect(envRefusal('ENV', 'production')).toBeNull();
  });

  it('leaves to an operator what only misleads, and to nobody what breaks MCPS.ONE', () => {
    expect(envRefusal('LD_PRELOAD', 'x')?.isOptional).toBe(true);
    expect(envRefusal('MCPS_INSTANCE', 'x')?.isOptional).toBe(false);
    expect(envRefusal('A=B', 'x')?.isOptional).toBe(false);
  });
});
