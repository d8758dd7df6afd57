import { containerLaunch, runsContainer } from './container-run';

const GIVEN = { cidFile: '/data/runs/1.cid', installation: 'here', toolId: 'tool-1' };
const LABELS = ['--label=mcps.installation=here', '--label=mcps.tool=tool-1'];
const aLaunch = (command: string, args: string[], env = {}) => ({ command, args, cwd: '/srv', env });

describe('a tool that runs a container', () => {
  it.each([
    ['/usr/bin/docker', ['run', '-i', '--rm', 'image'], true],
    ['/opt/podman', ['container', 'run', 'image'], true],
    ['docker.exe', ['run', 'image'], true],
    ['/usr/bin/docker', ['--context', 'far', '-D', 'run', 'image'], true],
    ['/usr/bin/docker', ['-H', 'run', 'exec', 'x'], false],
    ['/usr/bin/docker', ['exec', '-i', 'run'], false],
    ['/usr/bin/docker', ['mcp', 'gateway', 'run'], false],
    ['/usr/bin/docker', [], false],
    ['/usr/bin/docker-mcp', ['run'], false],
    ['/usr/bin/npx', ['run'], false],
  ])('is told by its command: %s %j', (command, args, expected) => {
    expect(runsContainer({ command, args })).toBe(expected);
  });

  it('is started with our labels and a file for the id right after `run`, all else as it was', () => {
    const { launch, container } = containerLaunch(
      aLaunch('/bin/docker', ['--context', 'far', 'container', 'run', '-i', 'image', '--verbose']),
      GIVEN,
    )!;
    const added = [...LABELS, '--cidfile=/data/runs/1.cid'];
    expect(launch.args).toEqual(['--context', 'far', 'container', 'run', ...added, '-i', 'image', '--verbose']);
    expect(launch).toMatchObject({ command: '/bin/docker', cwd: '/srv' });
    expect(container).toMatchObject({ command: '/bin/docker', globals: ['--context', 'far'], ...GIVEN });
  });

  it.each([
    [['--cidfile', 'mine.cid'], '/srv/mine.cid'],
    [['--cidfile=/tmp/mine.cid'], '/tmp/mine.cid'],
  ])('keeps a file for the id that it has chosen itself: %j', (options, cidFile) => {
    const { launch, container } = containerLaunch(aLaunch('docker', ['run', ...options, 'image']), GIVEN)!;
    expect(launch.args).toEqual(['run', ...LABELS, ...options, 'image']);
    expect(container.cidFile).toBe(cidFile);
  });

  it('hands on what decides about the engine, and none of its secrets', () => {
    const env = { PATH: '/bin', DOCKER_HOST: 'tcp://far', XDG_RUNTIME_DIR: '/run/1', GITHUB_TOKEN: 'secret' };
    expect(containerLaunch(aLaunch('docker', ['run', 'image'], env), GIVEN)?.container.env).toEqual({
      PATH: '/bin',
      DOCKER_HOST: 'tcp://far',
      XDG_RUNTIME_DIR: '/run/1',
    });
  });

  it('is no other program', () => {
    expect(containerLaunch(aLaunch('/usr/bin/node', ['run']), GIVEN)).toBeNull();
  });
});
