import { Injectable } from '@nestjs/common';
import { toTimestamp } from '../common/clock';
import { noteDetails, noteMask } from '../common/request-context';
import { targetOf } from '../mcp/call-params';
import type { RpcParams } from '../mcp/json-rpc.types';
import { SupervisorService } from '../supervisor/supervisor.service';
import { OfferingService } from './offering.service';
import { ToolDefaults } from './tool-defaults';
import { ToolRegistry } from './tool-registry';
import type { CallRequest, CallView, CapabilitiesView, McpRequest, StderrView } from './tool-runtime.dto';
import type { ToolStatusView } from './tool-status.dto';
import { toStatusView } from './tool-views';
import type { Tool } from './tool.entity';
import { ToolDisabledError, ToolNotRunningError } from './tools.errors';

/** What can be done with a tool while MCPS.ONE lives: start, stop, ask, call. */
@Injectable()
export class ToolRuntimeService {
  constructor(
    private readonly registry: ToolRegistry,
    private readonly supervisor: SupervisorService,
    private readonly offerings: OfferingService,
    private readonly defaults: ToolDefaults,
  ) {}

  /** Answers when it is ready. @throws ToolDisabledError, ShuttingDownError, ToolStartFailedError, StartAbortedError */
  start(idOrName: string): Promise<ToolStatusView> {
    return this.bringUp(idOrName, (tool) => this.registry.start(tool));
  }

  /** Stop and start: a new process. Throws as `start` does. */
  restart(idOrName: string): Promise<ToolStatusView> {
    return this.bringUp(idOrName, (tool) => this.registry.restart(tool));
  }

  /** Answers when no process of it is left. */
  async stop(idOrName: string): Promise<ToolStatusView> {
    const { tool, stopped } = await this.registry.exclusively(idOrName, async (found) => {
      await this.registry.wish(found, 'stopped');
      // Wrapped: waiting happens outside of the lock.
      return { tool: found, stopped: [this.supervisor.stop(found.id)] };
    });
    await Promise.all(stopped);
    return this.statusOf(tool);
  }

  async status(idOrName: string): Promise<ToolStatusView> {
    return this.statusOf(await this.registry.get(idOrName));
  }

  /** Asked live; of a tool that does not run, what it offered last. @throws ToolNeverSeenError */
  async capabilities(idOrName: string): Promise<CapabilitiesView> {
    const tool = await this.registry.get(idOrName);
    const session = this.supervisor.session(tool.id);
    return session === null ? this.offerings.lastKnown(tool) : this.offerings.ask(tool.id, session);
  }

  /** Runs one MCP tool. @throws ToolNotRunningError, PeerCallError */
  call(idOrName: string, request: CallRequest, client: string): Promise<CallView> {
    const params: RpcParams = { name: request.name, arguments: request.arguments ?? {} };
    return this.send(idOrName, { method: 'tools/call', params, timeoutMs: request.timeoutMs }, client);
  }

  /** Sends any MCP request. Throws as `call` does. */
  request(idOrName: string, { method, params, timeoutMs }: McpRequest, client: string): Promise<CallView> {
    return this.send(idOrName, { method, params: params ?? {}, timeoutMs }, client);
  }

  async stderr(idOrName: string): Promise<StderrView> {
    const tool = await this.registry.get(idOrName);
    return { items: this.supervisor.stderr(tool.id).map(({ at, line }) => ({ at: toTimestamp(at), line })) };
  }

  statusOf(tool: Tool): ToolStatusView {
    return toStatusView(tool, this.supervisor.snapshot(tool.id));
  }

  private async bringUp(idOrName: string, begin: (tool: Tool) => { done: Promise<void> }): Promise<ToolStatusView> {
    const { tool, start } = await this.registry.exclusively(idOrName, async (found) => {
      if (!found.enabled) throw new ToolDisabledError(found.name);
      // What is refused must not be kept as a wish either.
      this.supervisor.assertAccepting();
      await this.registry.wish(found, 'running');
      return { tool: found, start: begin(found) };
    });
    await start.done;
    return this.statusOf(tool);
  }

  private async send(
    idOrName: string,
    request: { method: string; params: RpcParams; timeoutMs: number | undefined },
    client: string,
  ): Promise<CallView> {
    noteDetails({ method: request.method, target: targetOf(request.method, request.params) });
    const tool = await this.registry.get(idOrName);
    const session = this.supervisor.session(tool.id);
    const peer = session?.peer ?? null;
    if (session) noteMask((text) => session.mask.apply(text));
    if (peer === null) throw new ToolNotRunningError(tool.name, this.supervisor.snapshot(tool.id).state);
    const began = performance.now();
    const result = await peer.request({
      method: request.method,
      params: request.params,
      timeoutMs: request.timeoutMs ?? this.defaults.of(tool).timeoutMs,
      client,
      sessionId: null,
    });
    return { result, durationMs: Math.round((performance.now() - began) * 1000) / 1000 };
  }
}
