import { DefinitionProblem, ProblemCode } from './definition-check.types';

/** A problem that keeps a definition from being used. */
export function definitionError(path: string, code: ProblemCode, message: string, hint: string): DefinitionProblem {
  return { path, code, message, hint, severity: 'error' };
}
