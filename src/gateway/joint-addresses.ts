import { isRecord } from '../mcp/call-params';
import { elementTexts, memberText, withValueAt } from '../mcp/json-text';

/** What one tool lists, as far as addresses go. */
export interface ListedAddresses {
  tool: string;
  uris: readonly string[];
  templates: readonly string[];
}

export interface AddressTarget {
  tool: string;
  /** As the server itself calls it. */
  uri: string;
}

/** The scheme names the tool, the rest is the server's own address: `mcps-files+file:///a`. */
const MARKED = /^mcps-([a-z0-9][a-z0-9-]{0,62})\+([^]+)$/;
const SCHEME = /^([a-z][a-z0-9+.-]*):/i;

/** Whose an address is, among the tools that one caller may use. */
export class JointAddresses {
  private readonly owners = new Map<string, string>();

  /** In the order in which they come first. */
  constructor(private readonly listed: readonly ListedAddresses[]) {
    for (const { tool, uris, templates } of listed) {
      for (const uri of [...uris, ...templates]) if (!this.owners.has(uri)) this.owners.set(uri, tool);
    }
  }

  /**
   * How an address (or the template of one) of a tool is shown: as it is where it is this tool's own, else marked. So
   * whatever is shown leads back to where it came from, also what is in no list and what two servers have.
   */
  shown(tool: string, uri: string): string {
    return this.owners.get(uri) === tool || (!this.owners.has(uri) && this.templateOwner(uri) === tool)
      ? uri
      : `mcps-${tool}+${uri}`;
  }

  /** Null: it can't be said whose it is. */
  route(uri: string): AddressTarget | null {
    const marked = MARKED.exec(uri);
    const [, named = '', rest = ''] = marked ?? [];
    if (marked && this.listed.some(({ tool }) => tool === named)) return { tool: named, uri: rest };
    const tool = this.owners.get(uri) ?? this.templateOwner(uri) ?? this.schemeOwner(uri);
    return tool === null ? null : { tool, uri };
  }

  /** The tool whose template has most in common with it: an exact match of templates is the server's business. */
  private templateOwner(uri: string): string | null {
    let best: string | null = null;
    let bestLength = 0;
    for (const { tool, templates } of this.listed) {
      for (const template of templates) {
        const [prefix, suffix] = endsOf(template);
        const fits = uri.length >= prefix.length + suffix.length && uri.startsWith(prefix) && uri.endsWith(suffix);
        if (!fits || prefix.length <= bestLength) continue;
        best = tool;
        bestLength = prefix.length;
      }
    }
    return best;
  }

  /** The only tool with addresses of this scheme, or the only one with any. */
  private schemeOwner(uri: string): string | null {
    const scheme = SCHEME.exec(uri)?.[1]?.toLowerCase();
    const hasScheme = (known: string): boolean => SCHEME.exec(known)?.[1]?.toLowerCase() === scheme;
    const withScheme = this.listed.filter(({ uris, templates }) => uris.some(hasScheme) || templates.some(hasScheme));
    const [first, ...others] = withScheme.length > 0 ? withScheme : this.listed;
    return first !== undefined && others.length === 0 ? first.tool : null;
  }
}

/** What stands before the first and after the last variable. */
function endsOf(template: string): [string, string] {
  const [first, last] = [template.indexOf('{'), template.lastIndexOf('}')];
  return first < 0 ? [template, ''] : [template.slice(0, first), template.slice(last + 1)];
}

/** The text of a result with the addresses in its content shown by `show`; all else stays byte for byte. */
export function withShownAddresses(resultText: string, show: (uri: string) => string): string {
  if (!resultText.includes('"uri"')) return resultText;
  let text = mapMember(resultText, 'content', (list) => mapElements(list, (part) => shownPart(part, show)));
  text = mapMember(text, 'contents', (list) => mapElements(list, (part) => shownUri(part, ['uri'], show)));
  return mapMember(text, 'messages', (list) =>
    mapElements(list, (message) => mapMember(message, 'content', (content) => shownContent(content, show))),
  );
}

/** The content of a prompt's message: one part, or a list of them. */
function shownContent(text: string, show: (uri: string) => string): string {
  return text.startsWith('[') ? mapElements(text, (part) => shownPart(part, show)) : shownPart(text, show);
}

function shownPart(text: string, show: (uri: string) => string): string {
  switch (memberText(text, 'type')) {
    case '"resource_link"':
      return shownUri(text, ['uri'], show);
    case '"resource"':
      return shownUri(text, ['resource', 'uri'], show);
    default:
      return text;
  }
}

function shownUri(text: string, path: readonly string[], show: (uri: string) => string): string {
  const parsed: unknown = JSON.parse(text);
  const uri = path.reduce<unknown>((inner, key) => (isRecord(inner) ? inner[key] : undefined), parsed);
  if (typeof uri !== 'string') return text;
  const shown = show(uri);
  return shown === uri ? text : withValueAt(text, path, JSON.stringify(shown));
}

function mapMember(text: string, name: string, map: (value: string) => string): string {
  if (!text.startsWith('{')) return text;
  const value = memberText(text, name);
  if (value === undefined) return text;
  const mapped = map(value);
  return mapped === value ? text : withValueAt(text, [name], mapped);
}

function mapElements(text: string, map: (element: string) => string): string {
  if (!text.startsWith('[')) return text;
  const elements = elementTexts(text);
  const mapped = elements.map(map);
  return mapped.every((element, index) => element === elements[index]) ? text : `[${mapped.join(',')}]`;
}
