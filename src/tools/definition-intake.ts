import { Injectable } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { ValidationFailedError } from '../common/domain-error';
import { nulErrors } from '../common/nul';
import { toFieldErrors } from '../common/validation.pipe';
import type { ProblemCode } from './definition-check.types';
import { DefinitionPolicy } from './definition-policy';
import { MASKED, type ToolDefinition } from './tool-definition.types';
import { masked } from './tool-secrets';
import type { Tool } from './tool.entity';
import { ToolRequest } from './tools.dto';

/** What keeps a definition from being saved. What only the machine can tell (is the command there?) does not: it may come. */
const REFUSED: ReadonlySet<ProblemCode> = new Set([
  'command_required',
  'command_has_spaces',
  'url_required',
  'url_invalid',
  'url_scheme',
  'url_credentials',
  'transport_mismatch',
  'inline_code_refused',
  'env_refused',
  'remote_address_refused',
  'nul_byte',
  'argument_too_long',
]);

/** What an import may leave open as long as the tool is disabled: nobody expands `${NAME}` but a human. */
const REFUSED_WHEN_ENABLED: ReadonlySet<ProblemCode> = new Set(['cwd_relative', 'unresolved_variable']);

/** Opens a stored value that a mask stands for; only those are opened, so that new values can replace lost ones. */
type StoredSecret = (field: 'env' | 'headers', name: string) => string | undefined;

/** Turns what clients send into whole definitions that may be saved. */
@Injectable()
export class DefinitionIntake {
  constructor(private readonly policy: DefinitionPolicy) {}

  /**
   * Fills in the defaults and refuses what must not be saved. `stored`: the values that masks sent back stand for.
   * @throws ValidationFailedError
   */
  async accept(request: ToolRequest, stored: StoredSecret = () => undefined): Promise<ToolDefinition> {
    const definition = this.complete(request);
    const problems = await this.policy.check(unmasked(definition, stored));
    const refused = problems.filter(
      ({ code }) => REFUSED.has(code) || (definition.enabled && REFUSED_WHEN_ENABLED.has(code)),
    );
    if (refused.length > 0) {
      throw new ValidationFailedError(
        refused.map(({ path, message, hint }) => ({ path, message: `${message} ${hint}` })),
      );
    }
    return definition;
  }

  /** A JSON merge patch (RFC 7396) on a stored definition: null sets a field back to its default. */
  patched(tool: Tool, patch: Record<string, unknown>): ToolRequest {
    return parseRequest(mergePatch(toRequest(tool), patch));
  }

  complete(request: ToolRequest): ToolDefinition {
    const { command = null, cwd = null, url = null, memoryLimitBytes = null } = request;
    const { maxRetries = null, timeoutMs = null, startTimeoutMs = null } = request;
    const { description = '', tags = [], args = [], env = {}, headers = {} } = request;
    const { enabled = true, autoStart = false, recordPayloads = true } = request;
    return {
      ...{ name: request.name, description, tags: [...new Set(tags)] },
      transport: request.transport ?? (command === null && url !== null ? 'streamable-http' : 'stdio'),
      ...{ command, args, cwd, env, url, headers },
      ...{ enabled, autoStart, recordPayloads, memoryLimitBytes },
      ...{ maxRetries, timeoutMs, startTimeoutMs },
      restartPolicy: request.restartPolicy ?? 'on-failure',
      sharing: request.sharing ?? 'auto',
    };
  }
}

/** Validates like the pipe does, for input that did not come as a body. @throws ValidationFailedError */
export function parseRequest(input: object): ToolRequest {
  const nul = nulErrors(input);
  if (nul.length > 0) throw new ValidationFailedError(nul);
  const request = plainToInstance(ToolRequest, input);
  const errors = validateSync(request, { whitelist: true, forbidNonWhitelisted: true, stopAtFirstError: true });
  if (errors.length > 0) throw new ValidationFailedError(toFieldErrors(errors));
  return request;
}

function unmasked(definition: ToolDefinition, stored: StoredSecret): ToolDefinition {
  const clear = (field: 'env' | 'headers') =>
    Object.fromEntries(
      Object.entries(definition[field]).map(([name, value]) => [
        name,
        value === MASKED ? (stored(field, name) ?? '') : value,
      ]),
    );
  return { ...definition, env: clear('env'), headers: clear('headers') };
}

/** A stored tool as the request that would make it, its secrets masked. */
function toRequest(tool: Tool): Record<string, unknown> {
  const { name, description, tags, transport, command, args, cwd, url } = tool;
  const { enabled, autoStart, restartPolicy, maxRetries, timeoutMs, startTimeoutMs } = tool;
  const { recordPayloads, sharing, memoryLimitBytes } = tool;
  return {
    ...{ name, description, tags, transport, command, args, cwd, url },
    ...{ enabled, autoStart, restartPolicy, maxRetries, timeoutMs, startTimeoutMs },
    ...{ recordPayloads, sharing, memoryLimitBytes },
    env: masked(tool.env),
    headers: masked(tool.headers),
  };
}

function mergePatch(target: Record<string, unknown>, patch: Record<string, unknown>): Record<string, unknown> {
  const merged = { ...target };
  for (const [name, value] of Object.entries(patch)) {
    const before = merged[name];
    if (value === null) Reflect.deleteProperty(merged, name);
    else merged[name] = isRecord(value) ? mergePatch(isRecord(before) ? before : {}, value) : value;
  }
  return merged;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
