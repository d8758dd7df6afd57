/** A tool's method and target as one text; neither has a NUL in it. */
export function callName(toolId: string, method: string | null, target: string | null): string {
  return [toolId, method === null ? '' : `m${method}`, target === null ? '' : `t${target}`].join('\0');
}
