import { type ChildProcess, spawn } from 'node:child_process';

/**
 * What the guard does: it learns the process groups that live from its standard input ("+ 4242", "- 4242"). End of input
 * means that the manager is gone, however that happened: then what is left gets SIGTERM and, a second later, SIGKILL.
 * (`kill -s`, not `kill -TERM`: dash takes no `--` after the latter.)
 */
const SCRIPT = `
groups=' '
while read -r op group; do
  case $op in
    +) groups="$groups$group " ;;
    -) rest=' '
       for g in $groups; do [ "$g" = "$group" ] || rest="$rest$g "; done
       groups=$rest ;;
  esac
done
for g in $groups; do kill -s TERM -- "-$g" 2>/dev/null; done
[ "$groups" = ' ' ] || sleep 1
for g in $groups; do kill -s KILL -- "-$g" 2>/dev/null; done
`;

/** A guard that dies at once and again is not started for ever. */
const MAX_RESPAWNS = 100;

/**
 * A small shell that outlives us by a second: it ends our children when we are killed with SIGKILL, which nothing in our
 * own process could. It knows process groups; daemons that left theirs are found by their marker at the next start.
 */
export class ChildGuard {
  private readonly groups = new Set<number>();
  private shell: ChildProcess | null = null;
  private respawns = 0;
  private ended = false;

  /** The guard's pid, while it lives. */
  get pid(): number | null {
    return this.shell?.pid ?? null;
  }

  /** From now on this group ends with us. */
  add(pgid: number): void {
    this.groups.add(pgid);
    if (this.shell) this.tell(`+ ${pgid}`);
    else this.start();
  }

  /** This group is gone: its number may belong to somebody else soon. */
  remove(pgid: number): void {
    if (this.groups.delete(pgid)) this.tell(`- ${pgid}`);
  }

  /** Sends it home with nothing to do. */
  end(): void {
    this.ended = true;
    for (const pgid of this.groups) this.tell(`- ${pgid}`);
    this.groups.clear();
    this.shell?.stdin?.end();
  }

  private start(): void {
    if (process.platform === 'win32' || this.ended || this.respawns > MAX_RESPAWNS) return;
    // Its own session: a signal to our group, or a closed terminal, must not take it along.
    const shell = spawn('/bin/sh', ['-c', SCRIPT], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      env: { PATH: '/usr/bin:/bin' },
    });
    this.shell = shell;
    shell.stdin.on('error', () => undefined);
    shell.once('error', () => undefined);
    // F34: somebody killed it; another one takes over what is known.
    shell.once('exit', () => {
      if (this.shell !== shell) return;
      this.shell = null;
      this.respawns++;
      if (this.groups.size > 0) this.start();
    });
    // It must not keep our own process from ending.
    shell.unref();
    for (const pgid of this.groups) this.tell(`+ ${pgid}`);
  }

  private tell(line: string): void {
    this.shell?.stdin?.write(`${line}\n`);
  }
}
