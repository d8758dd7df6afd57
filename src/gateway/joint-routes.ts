import type { Principal } from '../auth/principal';
import { isRecord } from '../mcp/call-params';
import type { ClientMessage } from '../mcp/client-message';
import type { ProtocolEra } from '../mcp/peer.types';
import { RPC_CODES } from '../mcp/json-rpc.types';
import { RpcRefusal } from '../mcp/rpc-answers';
import type { ToolCatalogue, ToolFacts } from '../tools/tool-catalogue';
import { ToolOutOfScopeError } from '../tools/tools.errors';
import type { JointLists } from './joint-lists';
import { jointName, mayBeCut, splitJointName } from './joint-names';

/** To which tool a request goes, and what in it is exchanged for what the tool itself calls it. */
export interface JointRoute {
  facts: ToolFacts;
  path: readonly string[];
  /** The value at `path`. */
  value: string;
}

const LEGACY_RESOURCE_NOT_FOUND = -32002;
const SHOWN_CHARACTERS = 200;

/** Finds the tool that a name or an address of the joint endpoint means, for one caller. */
export class JointRoutes {
  constructor(
    private readonly catalogue: ToolCatalogue,
    private readonly lists: JointLists,
  ) {}

  /** @throws RpcRefusal, ToolOutOfScopeError */
  async find(message: ClientMessage, principal: Principal, era: ProtocolEra): Promise<JointRoute> {
    const params = message.params ?? {};
    switch (message.method) {
      case 'tools/call':
        return this.byName(params.name, ['params', 'name'], principal, 'tool');
      case 'prompts/get':
        return this.byName(params.name, ['params', 'name'], principal, 'prompt');
      case 'completion/complete':
        return this.byReference(params.ref, principal, era);
      default:
        return this.byAddress(params.uri, ['params', 'uri'], principal, era);
    }
  }

  private byReference(reference: unknown, principal: Principal, era: ProtocolEra): Promise<JointRoute> {
    const ref = isRecord(reference) ? reference : {};
    if (ref.type === 'ref/resource') return this.byAddress(ref.uri, ['params', 'ref', 'uri'], principal, era);
    return this.byName(ref.name, ['params', 'ref', 'name'], principal, 'prompt');
  }

  private async byName(
    given: unknown,
    path: readonly string[],
    principal: Principal,
    kind: 'tool' | 'prompt',
  ): Promise<JointRoute> {
    const joint = typeof given === 'string' ? given : '';
    const split = splitJointName(joint);
    if (split !== null) {
      const facts = await this.catalogue.find(split.tool);
      const isNamed = facts?.name === split.tool && facts.enabled;
      if (isNamed && (principal.toolIds === null || principal.toolIds.has(facts.id)))
        return { facts, path, value: split.name };
      if (principal.toolIds !== null) throw new ToolOutOfScopeError(split.tool);
    }
    const cut = mayBeCut(joint) ? await this.byCutName(joint, path, principal, kind) : null;
    if (cut !== null) return cut;
    throw new RpcRefusal(RPC_CODES.invalidParams, `Unknown ${kind}: ${joint.slice(0, SHOWN_CHARACTERS)}`);
  }

  /** Only the lists know what a name was before it was cut. */
  private async byCutName(
    joint: string,
    path: readonly string[],
    principal: Principal,
    kind: 'tool' | 'prompt',
  ): Promise<JointRoute | null> {
    const { offered } = await this.lists.view(principal);
    for (const { facts, offering } of offered) {
      for (const entry of kind === 'tool' ? offering.tools : offering.prompts) {
        const name = isRecord(entry) ? entry.name : undefined;
        if (typeof name === 'string' && jointName(facts.name, name) === joint) return { facts, path, value: name };
      }
    }
    return null;
  }

  private async byAddress(
    given: unknown,
    path: readonly string[],
    principal: Principal,
    era: ProtocolEra,
  ): Promise<JointRoute> {
    if (typeof given !== 'string') throw new RpcRefusal(RPC_CODES.invalidParams, 'A resource is named by its uri');
    const target = (await this.lists.addresses(principal)).route(given) ?? (await this.patiently(given, principal));
    const facts = target === null ? null : await this.catalogue.find(target.tool);
    if (target !== null && facts !== null) return { facts, path, value: target.uri };
    const code = era === 'legacy' ? LEGACY_RESOURCE_NOT_FOUND : RPC_CODES.invalidParams;
    throw new RpcRefusal(code, `Resource not found: ${given.slice(0, SHOWN_CHARACTERS)}`, { uri: given });
  }

  /** Nothing in memory knows it: perhaps a tool has not said yet what it offers. */
  private async patiently(uri: string, principal: Principal): Promise<{ tool: string; uri: string } | null> {
    const { offered, leftOut } = await this.lists.view(principal, 0);
    if (leftOut.length === 0 && offered.length > 0) return null;
    return (await this.lists.addresses(principal, FIRST_LOOK_MS)).route(uri);
  }
}

const FIRST_LOOK_MS = 3_000;
