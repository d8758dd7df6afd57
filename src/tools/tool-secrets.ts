import { Injectable } from '@nestjs/common';
import { SecretCipher } from '../common/secret-cipher';
import { secretPlace } from '../common/secret-place';
import type { SupervisedTool } from '../supervisor/supervised-tool';
import { MASKED } from './tool-definition.types';
import type { Tool } from './tool.entity';

type SecretField = 'env' | 'headers';

/** The values of a tool's `env` and `headers`: sealed in the table, clear only for who starts the tool. */
@Injectable()
export class ToolSecrets {
  constructor(private readonly cipher: SecretCipher) {}

  /**
   * Seals given values for storage. The mask sent back keeps what is stored under that name; a mask for a name that has
   * nothing stored is reported to `onUnknownMask`.
   */
  seal(
    toolId: string,
    field: SecretField,
    given: Record<string, string>,
    stored: Record<string, string>,
    onUnknownMask: (name: string) => never,
  ): Record<string, string> {
    return Object.fromEntries(
      Object.entries(given).map(([name, value]) => {
        if (value !== MASKED) return [name, this.cipher.seal(value, context(toolId, field, name))];
        // Own members only: a name such as `toString` is no stored value.
        return [name, Object.hasOwn(stored, name) ? (stored[name] ?? '') : onUnknownMask(name)];
      }),
    );
  }

  /** One stored value in clear, or undefined. @throws SecretUnreadableError */
  openOne(tool: Tool, field: SecretField, name: string): string | undefined {
    const sealed = Object.hasOwn(tool[field], name) ? tool[field][name] : undefined;
    return sealed === undefined ? undefined : this.cipher.open(sealed, context(tool.id, field, name));
  }

  /** @throws SecretUnreadableError when they were sealed with another SECRET_KEY */
  open(tool: Tool, field: SecretField): Record<string, string> {
    return Object.fromEntries(
      Object.entries(tool[field]).map(([name, sealed]) => [
        name,
        this.cipher.open(sealed, context(tool.id, field, name)),
      ]),
    );
  }

  /** The definition as the supervisor needs it, secrets in clear. */
  toSupervised(tool: Tool): SupervisedTool {
    const { id, name, transport, command, args, cwd, url } = tool;
    const { restartPolicy, maxRetries, timeoutMs, startTimeoutMs, recordPayloads, memoryLimitBytes } = tool;
    return {
      ...{ id, name, transport, command, args, cwd, url },
      ...{ restartPolicy, maxRetries, timeoutMs, startTimeoutMs, recordPayloads, memoryLimitBytes },
      env: this.open(tool, 'env'),
      headers: this.open(tool, 'headers'),
    };
  }
}

/** Names with the mask for values: what answers show. */
export function masked(map: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.keys(map).map((name) => [name, MASKED]));
}

function context(toolId: string, field: SecretField, name: string): string {
  return secretPlace('tools', toolId, field, name);
}
