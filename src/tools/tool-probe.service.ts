import { stat } from 'node:fs/promises';
import { Injectable } from '@nestjs/common';
import { DomainError, messageOf } from '../common/domain-error';
import { newId } from '../common/ids';
import { noteTarget } from '../common/request-context';
import { SecretMask } from '../common/secret-mask';
import { AppConfig } from '../config/app-config';
import { childEnvironment } from '../supervisor/child-environment';
import { lookUpCommand } from '../supervisor/command-lookup';
import type { SupervisedTool } from '../supervisor/supervised-tool';
import { SupervisorService } from '../supervisor/supervisor.service';
import { DefinitionIntake } from './definition-intake';
import { DefinitionPolicy } from './definition-policy';
import { readOffering } from './offering.service';
import { MASKED, type ToolDefinition } from './tool-definition.types';
import type { ProbeView, ValidationView } from './tool-transfer.dto';
import type { ToolRequest } from './tools.dto';

/** Judges definitions before they are saved: by looking, and by running once. */
@Injectable()
export class ToolProbeService {
  constructor(
    private readonly intake: DefinitionIntake,
    private readonly policy: DefinitionPolicy,
    private readonly supervisor: SupervisorService,
    private readonly config: AppConfig,
  ) {}

  /** Looks without starting anything. */
  async validate(request: ToolRequest): Promise<ValidationView> {
    const problems = await this.policy.check(this.intake.complete(request), {
      resolveCommand: (command, cwd, env) => lookUpCommand(command, cwd, this.environment(env)),
      isDirectory: async (path) => (await stat(path).catch(() => null))?.isDirectory() ?? false,
    });
    return { valid: problems.every((problem) => problem.severity === 'warning'), problems };
  }

  /** Runs it once; nothing of it is left, neither process nor record. @throws ValidationFailedError */
  async probe(request: ToolRequest): Promise<ProbeView> {
    const definition = await this.intake.accept(request);
    noteTarget({ type: 'tool', id: null, name: definition.name });
    const began = performance.now();
    const stderr: string[] = [];
    const mask = new SecretMask([...Object.values(definition.env), ...Object.values(definition.headers)]);
    try {
      const offering = await this.supervisor.trial(toSupervised(definition), stderr, readOffering);
      const { tools, resources, prompts } = offering;
      return {
        ok: true,
        protocolVersion: offering.protocolVersion,
        serverInfo: offering.serverInfo,
        counts: { tools: tools.length, resources: resources.length, prompts: prompts.length },
        durationMs: elapsed(began),
        error: null,
        stderr,
      };
    } catch (error) {
      return { ...FAILED, durationMs: elapsed(began), error: explain(error, mask), stderr };
    }
  }

  private environment(own: Record<string, string>): Record<string, string> {
    return childEnvironment(this.config.environmentOfChildren, this.config.mcpEnvPassthrough, own, 'validate');
  }
}

const FAILED = { ok: false, protocolVersion: null, serverInfo: null, counts: null } as const;

/** The mask stands for a stored value; a definition that is not stored has none. */
function toSupervised(definition: ToolDefinition): SupervisedTool {
  const clear = (map: Record<string, string>) =>
    Object.fromEntries(Object.entries(map).filter(([, value]) => value !== MASKED));
  return { ...definition, id: newId(), env: clear(definition.env), headers: clear(definition.headers) };
}

function explain(error: unknown, mask: SecretMask): ProbeView['error'] {
  if (!(error instanceof DomainError)) throw error;
  const { reason, hint } = error.extra ?? {};
  return {
    code: typeof reason === 'string' ? reason : error.code,
    message: mask.apply(messageOf(error)),
    hint: typeof hint === 'string' ? hint : 'See the messages on stderr',
  };
}

function elapsed(began: number): number {
  return Math.round(performance.now() - began);
}
