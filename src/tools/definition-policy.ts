import { Injectable } from '@nestjs/common';
import { AppConfig } from '../config/app-config';
import { addressPolicyOf, type AddressPolicy } from '../mcp/address-policy';
import { Settings } from '../settings/settings';
import type { StartRefusal } from '../supervisor/supervised-tool';
import { checkDefinition } from './definition-check';
import type { CheckEnvironment, DefinitionProblem } from './definition-check.types';
import { checkRules, type DefinitionRules } from './definition-rules';
import type { ToolConnection } from './tool-definition.types';

/** Takes the machine as perfect: the definition alone is judged. */
const ANY_MACHINE: CheckEnvironment = {
  resolveCommand: (path) => Promise.resolve({ ok: true, path }),
  isDirectory: () => Promise.resolve(true),
};

/** The one place that says which definitions are allowed here. */
@Injectable()
export class DefinitionPolicy {
  private readonly addresses: AddressPolicy;

  constructor(
    config: AppConfig,
    private readonly settings: Settings,
  ) {
    this.addresses = addressPolicyOf(config);
  }

  /** What is wrong with a definition, by itself or also on a machine. Starts nothing. */
  check(
    definition: ToolConnection & { name?: string },
    environment: CheckEnvironment = ANY_MACHINE,
  ): Promise<DefinitionProblem[]> {
    return checkDefinition(definition, environment, this.rules);
  }

  /**
   * Why a stored definition, its secrets in clear, must not be started now; null if it may. One of before a rule was made,
   * or written into the database past the API, is no better than one that is sent.
   */
  refusalAtStart(definition: ToolConnection): StartRefusal | null {
    const [problem] = checkRules(definition, this.rules);
    if (problem === undefined) return null;
    return { code: problem.code, message: `${problem.path}: ${problem.message}`, hint: problem.hint };
  }

  /** As they are at this moment. */
  private get rules(): DefinitionRules {
    return { allowInlineCode: this.settings.get('tools.allowInlineCode'), addresses: this.addresses };
  }
}
