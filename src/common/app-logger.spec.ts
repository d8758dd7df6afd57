import { Logger } from '@nestjs/common';
import { AppLogger, type LogEntry } from './app-logger';
import { runInRequest } from './request-context';

function aLogger(level: ConstructorParameters<typeof AppLogger>[0] = 'debug') {
  const log = new AppLogger(level, () => 1_000);
  const entries: LogEntry[] = [];
  log.addSink((entry) => entries.push(entry));
  return { log, entries, messages: () => entries.map(({ message }) => message) };
}

function sayAll(log: AppLogger): void {
  log.verbose('verbose');
  log.debug('debug');
  log.log('log');
  log.warn('warn');
  log.error('error');
  log.fatal('fatal');
}

describe('the logger', () => {
  it.each([
    ['debug', ['verbose', 'debug', 'log', 'warn', 'error', 'fatal']],
    ['info', ['log', 'warn', 'error', 'fatal']],
    ['warn', ['warn', 'error', 'fatal']],
    ['error', ['error', 'fatal']],
    ['fatal', ['fatal']],
  ] as const)('at level %s says this and worse', (level, expected) => {
    const { log, messages } = aLogger(level);
    sayAll(log);
    expect(messages()).toEqual(expected);
  });

  it('A23: hides what is secret by its look in messages, facts and stack traces', () => {
    const { log, entries } = aLogger();
    const token = 'ghp_0123456789abcdef0123456789abcdef';
    log.error(
      `It sent ${token}`,
      `Error: It sent ${token}\n    at x`,
      { apiKey: 'abc', maxTokens: 5, nested: { text: token } },
      'Tests',
    );
    expect(entries[0]).toMatchObject({
      message: 'It sent ***',
      data: { apiKey: '***', maxTokens: 5, nested: { text: '***' } },
      stack: 'Error: It sent ***\n    at x',
    });
    expect(JSON.stringify(entries)).not.toContain('0123456789');
  });

  it('takes another level while it runs', () => {
    const { log, messages } = aLogger('error');
    log.warn('before');
    log.setLevel('warn');
    log.warn('after');
    expect(messages()).toEqual(['after']);
  });

  it('makes an entry of a message, its context and its facts', () => {
    const { log, entries } = aLogger();
    log.log('Tool started', { tool: 'weather' }, { pid: 7 }, 'Supervisor');
    expect(entries).toEqual([
      {
        at: 1_000,
        level: 'info',
        context: 'Supervisor',
        message: 'Tool started',
        requestId: null,
        data: { tool: 'weather', pid: 7 },
        stack: null,
      },
    ]);
  });

  it('knows the request that the code runs in', () => {
    const { log, entries } = aLogger();
    runInRequest({ requestId: 'r-1', ip: '127.0.0.1' }, () => log.warn('here'));
    expect(entries[0]?.requestId).toBe('r-1');
  });

  it('notes the trace of the caller of the current request', () => {
    const { log, entries } = aLogger();
    const trace = { traceparent: '00-a-b-01', tracestate: null, traceId: 'a' };
    runInRequest({ requestId: 'r-1', ip: '127.0.0.1', trace }, () => log.warn('here', { tool: 't' }));
    expect(entries[0]?.data).toEqual({ tool: 't', traceId: 'a' });
  });

  it('keeps the stack of an error apart from the facts, where it would be shown', () => {
    const { log, entries } = aLogger();
    const error = new Error('broken');
    log.error(error, 'Http');
    log.error('It failed', error, { tool: 'weather' }, 'Tools');
    expect(entries).toMatchObject([
      { message: 'broken', context: 'Http', data: null, stack: error.stack },
      { message: 'It failed', context: 'Tools', data: { tool: 'weather' }, stack: error.stack },
    ]);
  });

  it('takes a text before the context for a stack, as the framework hands it over', () => {
    const { log, entries } = aLogger();
    log.error('broken', 'Error: broken\n    at x', 'ExceptionsHandler');
    expect(entries[0]).toMatchObject({ stack: 'Error: broken\n    at x', context: 'ExceptionsHandler', data: null });
  });

  it('has a text for whatever is said', () => {
    const { log, messages } = aLogger();
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    for (const message of [{ a: 1 }, 7, null, undefined, 1n, circular]) log.log(message);
    expect(messages()).toEqual(['{"a":1}', '7', 'null', 'undefined', '1', '[object Object]']);
  });

  it("speaks for Nest's Logger with its class as the context", () => {
    const { log, entries } = aLogger();
    Logger.overrideLogger(log);
    try {
      new Logger('Recorder').error('Not written', new Error('away'));
    } finally {
      Logger.overrideLogger(false);
    }
    expect(entries).toMatchObject([{ level: 'error', context: 'Recorder', message: 'Not written' }]);
    expect(entries[0]?.stack).toMatch(/^Error: away/);
  });

  it("says the framework's lists of what it made at debug only", () => {
    const { log, entries } = aLogger('info');
    log.log('Mapped {/tools, GET} route', 'RouterExplorer');
    expect(entries).toEqual([]);
    log.setLevel('debug');
    log.log('Mapped {/tools, GET} route', 'RouterExplorer');
    expect(entries).toMatchObject([{ level: 'debug', context: 'RouterExplorer' }]);
  });
});

describe('a sink', () => {
  it('that comes late gets what was said before, once and in order', () => {
    const { log } = aLogger();
    log.log('one');
    log.log('two');
    const late: string[] = [];
    log.addSink(({ message }) => late.push(message));
    log.log('three');
    expect(late).toEqual(['one', 'two', 'three']);
  });

  it('that comes very late gets the first lines of the start only', () => {
    const { log } = aLogger();
    for (let n = 1; n <= 1_000; n++) log.log(`line ${n}`);
    const late: string[] = [];
    log.addSink(({ message }) => late.push(message));
    expect(late).toHaveLength(200);
    expect(late.at(-1)).toBe('line 200');
  });

  it('that is taken away gets nothing more, and the others still do', () => {
    const { log, messages } = aLogger();
    const gone: string[] = [];
    const remove = log.addSink(({ message }) => gone.push(message));
    log.log('one');
    remove();
    remove();
    log.log('two');
    expect(gone).toEqual(['one']);
    expect(messages()).toEqual(['one', 'two']);
  });
});
