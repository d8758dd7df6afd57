import type { AddressPolicy } from '../mcp/address-policy';
import type { DefinitionProblem } from './definition-check.types';
import { definitionError } from './definition-problem';
import { findInlineCode } from './inline-code';
import { envRefusal } from './refused-env';
import type { ToolConnection } from './tool-definition.types';

/** What this installation allows. */
export interface DefinitionRules {
  /** Inline code, and variables that change which code a program runs. */
  allowInlineCode: boolean;
  addresses: AddressPolicy;
}

const ALLOW =
  'An administrator who trusts all definitions turns on the setting tools.allowInlineCode (TOOLS_ALLOW_INLINE_CODE).';

/**
 * What a definition must not do wherever it comes from, be it sent, imported, probed or read from the database: asks
 * nobody and waits for nothing, so it is also asked before each start. A seat-belt, not a boundary: a tool runs with the
 * rights of MCPS.ONE, and any script can do what these rules keep out of sight.
 */
export function checkRules(definition: ToolConnection, rules: DefinitionRules): DefinitionProblem[] {
  if (definition.transport !== 'stdio') return checkReach(definition.url, rules.addresses);
  return [...checkInlineCode(definition, rules), ...checkVariables(definition.env, rules)];
}

function checkInlineCode({ command, args }: ToolConnection, { allowInlineCode }: DefinitionRules): DefinitionProblem[] {
  const inline = command === null || allowInlineCode ? null : findInlineCode(command, args);
  if (!inline) return [];
  const { program, index, flag } = inline;
  const message = `${program} ${flag} runs code or loads a module given in the definition itself.`;
  const hint = `Put the code into a file and make that the script. ${ALLOW}`;
  return [definitionError(`args[${index}]`, 'inline_code_refused', message, hint)];
}

function checkVariables(env: Record<string, string>, { allowInlineCode }: DefinitionRules): DefinitionProblem[] {
  return Object.entries(env).flatMap(([name, value]) => {
    const refusal = envRefusal(name, value);
    if (refusal === null || (refusal.isOptional && allowInlineCode)) return [];
    const hint = refusal.isOptional ? `${refusal.hint} ${ALLOW}` : refusal.hint;
    return [definitionError(`env.${name}`, 'env_refused', `${name || 'It'} ${refusal.message}.`, hint)];
  });
}

/** Of a name only a look-up tells where it leads: that is checked when the connection is made (mcp/guarded-fetch.ts). */
function checkReach(url: string | null, addresses: AddressPolicy): DefinitionProblem[] {
  if (url === null || !URL.canParse(url)) return [];
  const { protocol, username, password, hostname } = new URL(url);
  const problems: DefinitionProblem[] = [];
  if (protocol !== 'http:' && protocol !== 'https:') {
    const message = `Only http and https can be reached, not "${protocol.slice(0, -1)}".`;
    const hint = 'Let the url begin with https:// (or http:// on this machine).';
    return [definitionError('url', 'url_scheme', message, hint)];
  }
  if (username !== '' || password !== '') {
    const message = 'A url is shown in clear and must hold no user name or password.';
    const hint = 'Move them to headers, as in Authorization: Basic ..., where they are encrypted.';
    problems.push(definitionError('url', 'url_credentials', message, hint));
  }
  const refusal = addresses.refusalOfHost(hostname);
  if (refusal) problems.push(definitionError('url', 'remote_address_refused', `${refusal.message}.`, refusal.hint));
  return problems;
}
