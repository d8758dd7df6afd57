/**
 * One tool of a fault test, driven over the API, whether that of an application in this process or of the built program.
 * It remembers what was asked of it, for the invariant that every command has its row in the operation log.
 */
import { join } from 'node:path';
import { waitUntil } from './process-tree';

const PROGRAM = join(__dirname, 'faulty-mcp-server.mjs');

/** A request under /api/v1 as the administrator. */
export type Send = (method: string, path: string, body?: unknown) => Promise<{ status: number; body: any }>;

export interface FaultyTool extends Record<string, unknown> {
  name: string;
  /** Of faulty-mcp-server.mjs; none: a well-behaved one. */
  flags?: string[];
}

/** A valid definition around the faulty server; what is given beside name and flags overrides the definition. */
export function aFaultyTool({ name, flags = [], ...rest }: FaultyTool): Record<string, unknown> & { name: string } {
  return { name, command: process.execPath, args: [PROGRAM, ...flags], ...rest };
}

export class ToolUnderTest {
  /** The actions that the operation log must know, in no order. */
  readonly commands: string[] = ['tool.create'];

  private constructor(
    private readonly send: Send,
    readonly id: string,
    readonly name: string,
  ) {}

  static async create(send: Send, tool: FaultyTool): Promise<ToolUnderTest> {
    const { status, body } = await send('POST', '/tools', aFaultyTool(tool));
    if (status !== 201) throw new Error(`The tool was not created: ${JSON.stringify(body)}`);
    return new ToolUnderTest(send, body.id, tool.name);
  }

  start = () => this.command('tool.start', 'POST', '/start');
  stop = () => this.command('tool.stop', 'POST', '/stop');
  restart = () => this.command('tool.restart', 'POST', '/restart');
  update = (changes: object) => this.command('tool.update', 'PATCH', '', changes);
  remove = () => this.command('tool.delete', 'DELETE', '');

  /** Of the server's own tools; `timeoutMs` as the API takes it. */
  call(name: string, args: object = {}, timeoutMs?: number) {
    const body = { name, arguments: args, ...(timeoutMs === undefined ? {} : { timeoutMs }) };
    return this.command('tool.call', 'POST', '/call', body);
  }

  /** The text that a call of a well-behaved tool gives back. */
  async textOf(name: string, args: object = {}): Promise<string> {
    const { status, body } = await this.call(name, args);
    if (status !== 200) throw new Error(`${this.name} ${name}: ${JSON.stringify(body)}`);
    return body.result.content[0].text;
  }

  /** Resolves when the server was sent so many calls. */
  async hasBeenCalled(times: number): Promise<void> {
    await waitUntil(
      async () => {
        const query = `tool=${this.name}&method=tools/call&kind=request&limit=500`;
        return (await this.send('GET', `/logs/mcp?${query}`)).body.items.length >= times;
      },
      { what: `${this.name} has ${times} calls` },
    );
  }

  /** The status when nothing is in flight: what we ask of a tool by ourselves after its start has ended, too. */
  atRest(): Promise<any> {
    return this.until('is at rest', ({ inFlight }) => inFlight === 0);
  }

  async status(): Promise<any> {
    return (await this.send('GET', `/tools/${this.name}/status`)).body;
  }

  async stderr(): Promise<string[]> {
    const { body } = await this.send('GET', `/tools/${this.name}/stderr`);
    return body.items.map((item: { line: string }) => item.line);
  }

  /** The status once it is as wanted. */
  until(what: string, isSo: (status: any) => boolean, timeoutMs?: number): Promise<any> {
    return waitUntil(
      async () => {
        const status = await this.status();
        if (isSo(status)) return status;
        throw new Error(JSON.stringify(status));
      },
      { ...(timeoutMs === undefined ? {} : { timeoutMs }), what: `${this.name} ${what}` },
    );
  }

  private command(action: string, method: string, path: string, body?: unknown) {
    this.commands.push(action);
    return this.send(method, `/tools/${this.name}${path}`, body);
  }
}
