import { type ChildProcess, spawn } from 'node:child_process';

/**
 * What the guard does: it learns the process groups that live from its standard input ("+ 4242", "- 4242"). End of input
 * means that the manager is gone, however that happened: then what is left gets SIGTERM and, a second later, SIGKILL.
 * (`kill -s`, not `kill -TERM`: dash takes no `--` after the latter.) Signals that an operator may send to many at once
 * (`pkill sh`, a closed terminal) don't end it; SIGKILL does, and then there is another one.
 */
const SCRIPT = `
trap '' HUP INT QUIT TERM USR1 USR2 PIPE
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

/** One that lived shorter than this is not replaced at once: whatever ended it would end the next one, too. */
const SETTLED_MS = 1_000;
/** How long its replacement waits then, at first and at most, in milliseconds. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 30_000;

/**
 * A small shell that outlives us by a second: it ends our children when we are killed with SIGKILL, which nothing in our
 * own process could. It knows process groups; daemons that left theirs are found by their marker at the next start.
 */
export class ChildGuard {
  private readonly groups = new Set<number>();
  private shell: ChildProcess | null = null;
  private pauseMs = 0;
  private retry: NodeJS.Timeout | null = null;
  private ended = false;
  /** How often one had to be replaced. */
  respawns = 0;

  /** The guard's pid, while it lives. */
  get pid(): number | null {
    return this.shell?.pid ?? null;
  }

  /** Whether it guards what there is to be guarded. */
  get works(): boolean {
    return this.groups.size === 0 || this.pid !== null;
  }

  /** From now on this group ends with us. */
  add(pgid: number): void {
    this.groups.add(pgid);
    if (this.shell) this.tell(`+ ${pgid}`);
    else if (this.retry === null) this.start();
  }

  /** This group is gone: its number may belong to somebody else soon. */
  remove(pgid: number): void {
    if (this.groups.delete(pgid)) this.tell(`- ${pgid}`);
  }

  /** Sends it home with nothing to do. */
  end(): void {
    this.ended = true;
    clearTimeout(this.retry ?? undefined);
    for (const pgid of this.groups) this.tell(`- ${pgid}`);
    this.groups.clear();
    this.shell?.stdin?.end();
  }

  private start(): void {
    this.retry = null;
    if (process.platform === 'win32' || this.ended || this.groups.size === 0) return;
    const began = performance.now();
    // Its own session: a signal to our group, or a closed terminal, must not take it along.
    const shell = spawn('/bin/sh', ['-c', SCRIPT], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      env: { PATH: '/usr/bin:/bin' },
    });
    this.shell = shell;
    // Without a free file descriptor there is no pipe, whatever the types say.
    const input = shell.stdin as typeof shell.stdin | undefined;
    input?.on('error', () => undefined);
    // F34: somebody killed it, or it could not be started (then there is no exit); another one takes over what is known.
    const replace = () => this.replace(shell, performance.now() - began);
    shell.on('error', replace);
    shell.once('exit', replace);
    // It must not keep our own process from ending.
    shell.unref();
    for (const pgid of this.groups) this.tell(`+ ${pgid}`);
  }

  private replace(shell: ChildProcess, livedMs: number): void {
    if (this.shell !== shell) return;
    this.shell = null;
    if (this.ended) return;
    this.respawns++;
    this.pauseMs = livedMs >= SETTLED_MS ? 0 : Math.min(Math.max(this.pauseMs * 2, FIRST_PAUSE_MS), LONGEST_PAUSE_MS);
    if (this.pauseMs === 0) {
      this.start();
      return;
    }
    this.retry = setTimeout(() => this.start(), this.pauseMs);
    this.retry.unref();
  }

  private tell(line: string): void {
    this.shell?.stdin?.write(`${line}\n`);
  }
}
