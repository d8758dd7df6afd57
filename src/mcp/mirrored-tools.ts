import { isRecord } from './call-params';
import { headerParametersOf, parameterHeaders, type HeaderParameter } from './parameter-headers';

/** Which arguments of a server's tools have to be repeated in headers; learnt from each list that passes. */
export class MirroredTools {
  private readonly parameters = new Map<string, readonly HeaderParameter[]>();

  /** The result of a `tools/list` without the tools that must not be used; `onLeftOut` is told of each. */
  learn(result: unknown, onLeftOut: (tool: string) => void): unknown {
    if (!isRecord(result) || !Array.isArray(result.tools)) return result;
    const tools = result.tools.filter((tool) => this.learnTool(tool, onLeftOut));
    return tools.length === result.tools.length ? result : { ...result, tools };
  }

  headersOf(params: Record<string, unknown> | undefined): Record<string, string> {
    const known = typeof params?.name === 'string' ? this.parameters.get(params.name) : undefined;
    return known ? parameterHeaders(known, params?.arguments) : {};
  }

  private learnTool(tool: unknown, onLeftOut: (tool: string) => void): boolean {
    if (!isRecord(tool) || typeof tool.name !== 'string') return true;
    const parameters = headerParametersOf(tool.inputSchema);
    if (parameters === null || parameters.length === 0) this.parameters.delete(tool.name);
    else this.parameters.set(tool.name, parameters);
    if (parameters === null) onLeftOut(tool.name);
    return parameters !== null;
  }
}
