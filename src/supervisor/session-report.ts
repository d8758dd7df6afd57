import type { Clock } from '../common/clock';
import { HandshakeError } from '../mcp/peer.errors';
import type { ProtocolEra } from '../mcp/peer.types';
import type { EraMemory } from './era-memory';
import {
  endedBeforeReading,
  EVIDENCE_LINES,
  exitProblem,
  isPermanentExit,
  problem,
  startProblem,
} from './failure-explanation';
import type { ChildExit } from './isolation';
import type { StderrRing } from './stderr-ring';
import type { LifecycleEvent, Phase, Problem } from './tool-lifecycle';
import type { ToolSession } from './tool-session';
import { within } from './within';

/** What a report needs of the instance whose session it is about. */
export interface ReportSurroundings {
  clock: Clock;
  era: EraMemory;
  stderr: StderrRing;
  phase: () => Phase;
  tell: (event: LifecycleEvent) => void;
  /** Told of what nobody foresaw. */
  fault: (what: string, error: unknown) => void;
}

/** A failed handshake may be the first sign of an exit; this long we wait for the exit itself, which tells more. */
const EXIT_GRACE_MS = 300;

/** Turns what befalls one session (a failed start, an exit, a broken connection) into an event of the lifecycle, with its reason. */
export class SessionReport {
  private readonly heard: number;

  /** To be made before the session is opened. `probe`: how its handshake begins. */
  constructor(
    private readonly session: ToolSession,
    private readonly probe: 'auto' | ProtocolEra,
    private readonly surroundings: ReportSurroundings,
  ) {
    this.heard = surroundings.stderr.heard;
  }

  /** The start came to this error. */
  async startFailed(error: unknown): Promise<void> {
    const { session, probe } = this;
    const { clock, era, tell } = this.surroundings;
    const { generation, process: child } = session;
    // Of a start that was taken down nothing is to be learnt, here and below.
    if (!session.signal.aborted) era.forget();
    const exit = child !== null && mayBeAnExit(error) ? await within(EXIT_GRACE_MS, child.exited) : undefined;
    const at = clock.now();
    if (!exit) {
      const stderr = this.lastWords(EVIDENCE_LINES);
      const failure = startProblem(error, at, { stderr, mask: session.mask });
      // A remembered verdict may be out of date; the next try asks anew.
      const permanent = failure.permanent && !(error instanceof HandshakeError && probe !== 'auto');
      tell({ type: 'start-failed', generation, problem: failure.problem, permanent });
      return;
    }
    // Some servers end on a method they don't know: they are asked once more without the probe.
    const isProbes = error instanceof HandshakeError && error.code === 'closed_during_probe';
    const explanation = this.explain(exit, at, false);
    const again = !session.signal.aborted && probe === 'auto' && isProbes && !endedBeforeReading(explanation);
    if (again) era.learn('legacy', session.tool, at);
    const permanent = isPermanentExit(explanation);
    tell({ type: 'exited', generation, exit: { ...exit, at }, problem: explanation, again, permanent });
  }

  /** Tells how the session ends, whenever that is. */
  watchEnd(): void {
    const { session } = this;
    const { clock, phase, tell, fault } = this.surroundings;
    const { generation, process: child, peer } = session;
    let broken: LifecycleEvent | null = null;
    const onExit = (exit: ChildExit): void => {
      // Calls in flight fail now, and with the true reason.
      session.endBecause(
        'process_exited',
        `the program ${exit.signal === null ? `exited with code ${exit.code}` : `was ended by ${exit.signal}`}`,
      );
      // Until the handshake is over, `startFailed` tells it: it knows more.
      if (phase() === 'handshaking' && session.identity === null) return;
      const at = clock.now();
      // F21: its pipe broke first, and it ended politely when we let go of the other: that is no end of its own will.
      if (broken !== null && exit.code === 0) tell(broken);
      const explanation = this.explain(exit, at, true);
      tell({ type: 'exited', generation, exit: { ...exit, at }, problem: explanation, again: false });
    };
    child?.exited.then(onExit).catch((error: unknown) => fault('The end of a program could not be told', error));
    peer?.onClose((end) => {
      // How a pipe ended tells a user little, but for one that was never read.
      const code = child === null || end.code === 'stdin_stuck' ? end.code : 'connection_lost';
      const lost: LifecycleEvent = {
        type: 'lost',
        generation,
        problem: problem(code, session.mask.apply(end.message), clock.now()),
        again: child === null,
      };
      if (end.code !== 'process_exited') broken = lost;
      within<unknown>(EXIT_GRACE_MS, child?.exited ?? Promise.resolve())
        .catch((error: unknown) => fault('The end of a program was not heard of', error))
        .then(() => tell(lost))
        .catch((error: unknown) => fault('The end of a connection could not be told', error));
    });
  }

  /** Why it ended. To explain is to guess at what a program wrote: where that fails, the tool has ended all the same. */
  private explain(exit: ChildExit, at: number, ready: boolean): Problem {
    try {
      return exitProblem(exit, at, { ready, stderr: this.lastWords(EVIDENCE_LINES) });
    } catch (error) {
      this.surroundings.fault('The end of a program could not be explained', error);
      return problem(ready ? 'exited' : 'exited_before_handshake', 'The program has ended', at);
    }
  }

  private lastWords(count: number): string[] {
    return this.surroundings.stderr.since(this.heard, count);
  }
}

/** Whether a failed start may be the first sign of an exit; an answer of the server and its silence tell enough themselves. */
function mayBeAnExit(error: unknown): boolean {
  return !(error instanceof HandshakeError) || error.code.startsWith('closed_');
}
