import { readClientEntry } from './client-config-entry';
import { isRecord, JsonRecord, shortened } from './config-shape';
import { parseConfigText } from './config-text';
import { unresolvedPlaceholders } from './config-variables';
import { assignNames } from './import-names';
import { ImportError, UnreadableEntryError } from './import.errors';
import { EntryReading, ImportedTool, ImportReading, SkippedEntry } from './import.types';
import { isRegistryServer, readRegistryServer } from './registry-import';

export { findPlaceholders, unresolvedPlaceholders } from './config-variables';

const ACCEPTED_SHAPES =
  'expected an object with "mcpServers" (Claude Desktop, Claude Code, Cursor, Windsurf, Copilot), ' +
  '"servers" or "mcp.servers" (VS Code), "projects" (~/.claude.json), ' +
  'or a server.json of the MCP registry ("name" with "packages" or "remotes", also inside "server")';

/** One entry that was found, to be read by the rules of its format. */
interface Source {
  name: string;
  read: () => EntryReading;
}

/** Where servers may stand; `inputs` are looked for beside them. */
interface ServersPlace {
  parent: JsonRecord;
  key: string;
}

/**
 * Reads the servers out of a client's configuration or a registry's `server.json`, given as object or as text (JSON with
 * comments and trailing commas). Nothing is created, started or looked up, and nothing is taken from our environment.
 *
 * @throws ImportError when the whole is unusable; a single bad entry is only skipped.
 */
export function readClientConfig(config: unknown): ImportReading {
  const root = typeof config === 'string' ? parseConfigText(config) : config;
  const readings: [string, EntryReading][] = [];
  const skipped: SkippedEntry[] = [];
  for (const source of findSources(root)) {
    try {
      readings.push([source.name, source.read()]);
    } catch (error) {
      if (!(error instanceof UnreadableEntryError)) throw error;
      skipped.push({ name: source.name, reason: error.message });
    }
  }
  const names = assignNames(readings.map(([sourceName]) => sourceName));
  const entries = readings.map(([sourceName, reading], index) => toolOf(sourceName, names[index] ?? '', reading));
  return { entries, skipped };
}

function toolOf(sourceName: string, name: string, reading: EntryReading): ImportedTool {
  const { connection, timeoutMs, notes } = reading;
  const missing = unresolvedPlaceholders(connection);
  return {
    sourceName,
    draft: {
      name,
      description: descriptionOf(reading.description, sourceName, name),
      ...connection,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      enabled: reading.enabled && missing.length === 0,
    },
    missing,
    ...(notes.length === 0 ? {} : { notes: [...new Set(notes)] }),
  };
}

/** Keeps the name that people know the server by, without characters that could disturb a page or a terminal. */
function descriptionOf(description: string, sourceName: string, name: string): string {
  if (name === sourceName) return description;
  const origin = `Imported as ${shortened(sourceName.replace(/\p{Cc}/gu, ' '))}`;
  return description === '' ? origin : `${description} (${origin})`;
}

function findSources(root: unknown): Source[] {
  if (!isRecord(root)) throw new ImportError(ACCEPTED_SHAPES);
  if (isRegistryServer(root)) return [registrySource(root)];
  if (isRegistryServer(root.server)) return [registrySource(root.server)];

  const places: ServersPlace[] = [
    { parent: root, key: 'mcpServers' },
    { parent: root, key: 'servers' },
    ...(isRecord(root.mcp) ? [{ parent: root.mcp, key: 'servers' }] : []),
  ];
  const usable = places.filter(({ parent, key }) => isRecord(parent[key]));
  const found = usable.flatMap(clientSources);
  const projects = projectSources(root, found.length);
  if (usable.length > 0 || projects.length > 0) return [...found, ...projects];

  const misshapen = places.find(({ parent, key }) => Object.hasOwn(parent, key));
  throw new ImportError(misshapen ? `"${misshapen.key}" must be an object; ${ACCEPTED_SHAPES}` : ACCEPTED_SHAPES);
}

function registrySource(server: JsonRecord & { name: string }): Source {
  return { name: server.name, read: () => readRegistryServer(server) };
}

function clientSources({ parent, key }: ServersPlace): Source[] {
  const servers = parent[key];
  if (!isRecord(servers)) return [];
  const inputs = inputDefaults(parent.inputs);
  return Object.entries(servers).map(([name, entry]) => ({ name, read: () => readClientEntry(entry, inputs) }));
}

/** The servers that ~/.claude.json holds for single projects: a stand-in where it has none for all of them. */
function projectSources(root: JsonRecord, otherCount: number): Source[] {
  if (!isRecord(root.projects)) return [];
  return Object.entries(root.projects).flatMap(([folder, project]) => {
    if (!isRecord(project)) return [];
    const sources = clientSources({ parent: project, key: 'mcpServers' });
    if (otherCount === 0) return sources;
    const reason = `belongs to the project ${shortened(folder)}: import that project's servers by themselves`;
    return sources.map(({ name }) => ({ name, read: () => refuse(reason) }));
  });
}

function refuse(reason: string): never {
  throw new UnreadableEntryError(reason);
}

/** The values that VS Code's `inputs` bring along. A password's default is an example at best, never a secret to use. */
function inputDefaults(inputs: unknown): Map<string, string> {
  const defaults = new Map<string, string>();
  if (!Array.isArray(inputs)) return defaults;
  for (const input of inputs as unknown[]) {
    if (!isRecord(input) || typeof input.id !== 'string' || typeof input.default !== 'string') continue;
    if (input.password !== true) defaults.set(input.id, input.default);
  }
  return defaults;
}
