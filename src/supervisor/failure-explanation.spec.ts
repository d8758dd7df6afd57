import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DomainError } from '../common/domain-error';
import { SecretMask } from '../common/secret-mask';
import { HandshakeError } from '../mcp/peer.errors';
import { TransportError } from '../mcp/transport.types';
import { exitProblem, isPermanentExit, problem, startProblem } from './failure-explanation';
import { SpawnError } from './process-spawner';

const NO_HINT = problem('no such code', '', 0).hint;
const context = { stderr: [], mask: SecretMask.NONE };

/** All words that the sources give to failures of starting and connecting. */
function codesInSources(): string[] {
  const folders = [__dirname, join(__dirname, '../mcp')];
  const files = folders.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
  const sources = files
    .filter((file) => file.endsWith('.ts') && !file.includes('spec'))
    .map((file) => readFileSync(file, 'utf8'));
  const thrown = /(?:SpawnError|HandshakeError|TransportError)\(\s*'([a-z_]+)'/g;
  const remote = /'(remote_[a-z_]+)'/g;
  return [thrown, remote].flatMap((pattern) =>
    sources.flatMap((source) => [...source.matchAll(pattern)].map(([, code]) => code ?? '')),
  );
}

/** Ends that MCPS.ONE makes itself, or that nobody gets to see as the reason of a failure. */
const NEVER_SHOWN = new Set(['start_aborted', 'handshake_aborted', 'open_aborted', 'already_open']);

describe('an explanation', () => {
  it('says for each code what to do', () => {
    const codes = new Set([...codesInSources(), 'exited', 'exited_before_handshake', 'connection_lost']);
    expect(codes.size).toBeGreaterThan(25);
    const without = [...codes].filter((code) => !NEVER_SHOWN.has(code) && problem(code, '', 0).hint === NO_HINT);
    expect(without).toEqual([]);
  });

  it('quotes the last ten lines of stderr', () => {
    const stderr = Array.from({ length: 30 }, (_, index) => `line ${index}`);
    const { message } = problem('exited', 'It ended', 5, stderr);
    expect(message.split('\n')).toEqual(['It ended. Its last words on stderr:', ...stderr.slice(20)]);
    expect(problem('exited', 'It ended', 5)).toMatchObject({ message: 'It ended', at: 5 });
  });

  it('F24: tells how a program ended, and when in its life', () => {
    const ended = (code: number | null, signal: string | null, ready: boolean) => {
      const { code: word, message } = exitProblem({ code, signal }, 0, { ready, stderr: [] });
      return `${word}: ${message}`;
    };
    expect(ended(3, null, false)).toBe('exited_before_handshake: The program exited with code 3 before it was ready');
    expect(ended(null, 'SIGSEGV', true)).toBe('crashed: The program was ended by SIGSEGV: it crashed');
    expect(ended(139, null, false)).toBe(
      'crashed: The program exited with code 139 before it was ready: it crashed, which stands for SIGSEGV',
    );
    expect(ended(0, null, true)).toBe('exited: The program exited with code 0');
    expect(ended(1, null, true)).toBe('exited: The program exited with code 1');
  });

  it('knows which failures another try cannot mend', () => {
    const isPermanent = (error: unknown) => startProblem(error, 0, context).permanent;
    expect(isPermanent(new SpawnError('cwd_not_found', '', true))).toBe(true);
    expect(isPermanent(new SpawnError('spawn_failed', '', false))).toBe(false);
    expect(isPermanent(new HandshakeError('protocol_mismatch', ''))).toBe(true);
    expect(isPermanent(new HandshakeError('handshake_timeout', ''))).toBe(false);
    expect(isPermanent(new TransportError('remote_unauthorized', ''))).toBe(true);
    expect(isPermanent(new TransportError('remote_forbidden', ''))).toBe(true);
    expect(isPermanent(new TransportError('remote_refused', ''))).toBe(false);
    expect(isPermanent(new Error(''))).toBe(false);
  });

  it('gives the reason that stderr names, with a hint that names it too, and the last lines beside it', () => {
    const words = ['Error: API_KEY is required', ...Array.from({ length: 12 }, (_, index) => `    at frame ${index}`)];
    const { code, message, hint } = exitProblem({ code: 1, signal: null }, 0, { ready: false, stderr: words });
    expect(code).toBe('variable_missing');
    expect(message.split('\n')).toEqual([
      'The program exited with code 1 before it was ready: the variable API_KEY is missing. Its last words on stderr:',
      ...words.slice(-10),
    ]);
    expect(hint).toBe('Set API_KEY in `env` of the tool');
  });

  it('gives up at once on a missing variable alone: everything else may pass by itself', () => {
    const isPermanent = (...stderr: string[]) =>
      isPermanentExit(exitProblem({ code: 1, signal: null }, 0, { ready: false, stderr }));
    expect(isPermanent('Error: API_KEY is required')).toBe(true);
    expect(isPermanent("npm error 404 'x@*' is not in this registry.")).toBe(false);
    expect(isPermanent('Error: Request failed with status code 401')).toBe(false);
    expect(isPermanent('something else')).toBe(false);
  });

  it('says why a program is silent where its stderr does, and only then', () => {
    const told = (error: unknown, ...stderr: string[]) => {
      const { problem: failure, permanent } = startProblem(error, 0, { stderr, mask: SecretMask.NONE });
      return [failure.code, failure.message.split('\n')[0], permanent];
    };
    const late = new HandshakeError('handshake_timeout', 'No answer');
    const said = 'Please authorize this client by visiting:';
    const heading = '. Its last words on stderr:';
    expect(told(late, said)).toEqual([
      'login_required',
      `No answer: it asks somebody to log in with a browser${heading}`,
      false,
    ]);
    expect(told(late, 'Listening')).toEqual(['handshake_timeout', `No answer${heading}`, false]);
    const refused = new HandshakeError('handshake_refused', 'no');
    expect(told(refused, said)).toEqual(['handshake_refused', `no${heading}`, false]);
  });

  it('keeps the word of an error, and hides secrets that a server repeats', () => {
    const mask = new SecretMask(['sk-12345678']);
    const told = (error: unknown) => {
      const { code, message } = startProblem(error, 0, { stderr: [], mask }).problem;
      return [code, message];
    };
    const words = 'bad key sk-12345678';
    expect(told(new HandshakeError('handshake_refused', words))).toEqual(['handshake_refused', 'bad key ***']);
    expect(told(new TransportError('remote_server_error', words))).toEqual(['remote_server_error', 'bad key ***']);
    expect(told(new DomainError('invalid', 'some_code', words))).toEqual(['some_code', 'bad key ***']);
    expect(told(new Error(words))).toEqual(['start_failed', 'bad key ***']);
    expect(told('thrown sk-12345678')).toEqual(['start_failed', 'thrown ***']);
  });
});
