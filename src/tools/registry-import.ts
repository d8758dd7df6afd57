import { isRecord, JsonRecord, quoted, readList, readText } from './config-shape';
import { UnreadableEntryError } from './import.errors';
import { EntryReading } from './import.types';
import { fillTemplate, readKeyValueInputs, registryField } from './registry-inputs';
import { readPackage } from './registry-packages';
import { ToolConnection } from './tool-definition.types';

const SCHEMA_FILE = '/server.schema.json';

/** Whether this is a registry's server.json: a name and at least one way to run or reach the server, or the schema. */
export function isRegistryServer(value: unknown): value is JsonRecord & { name: string } {
  if (!isRecord(value) || typeof value.name !== 'string') return false;
  if (Array.isArray(value.packages) || Array.isArray(value.remotes)) return true;
  return typeof value.$schema === 'string' && value.$schema.includes(SCHEMA_FILE);
}

/**
 * A server of the MCP registry (server.json, schema 2025-12-11, and the snake_case one of 2025-07-09): its first
 * package that we can run, or else its first remote that we can reach.
 */
export function readRegistryServer(server: JsonRecord): EntryReading {
  const notes: string[] = [];
  if (server.status === 'deprecated' || server.status === 'deleted')
    notes.push(`the registry calls it ${server.status}`);
  const connection = chooseConnection(server, notes);
  const description = typeof server.description === 'string' ? server.description : '';
  return { connection, description, enabled: true, notes };
}

function chooseConnection(server: JsonRecord, notes: string[]): ToolConnection {
  const attempts = [
    ...readList(server.packages, 'packages').map((item, index) => ({
      read: (own: string[]) => packageConnection(item, `packages[${index}]`, own),
    })),
    ...readList(server.remotes, 'remotes').map((item, index) => ({
      read: (own: string[]) => remoteConnection(item, `remotes[${index}]`, own),
    })),
  ];
  const reasons: string[] = [];
  for (const { read } of attempts) {
    const own: string[] = [];
    try {
      const connection = read(own);
      notes.push(...own, ...reasons);
      return connection;
    } catch (error) {
      if (!(error instanceof UnreadableEntryError)) throw error;
      reasons.push(error.message);
    }
  }
  throw new UnreadableEntryError(reasons.join('; ') || 'has neither packages nor remotes');
}

function packageConnection(item: unknown, path: string, notes: string[]): ToolConnection {
  return { transport: 'stdio', ...readPackage(item, path, notes), cwd: null, url: null, headers: {} };
}

function remoteConnection(item: unknown, path: string, notes: string[]): ToolConnection {
  if (!isRecord(item)) throw new UnreadableEntryError(`${path} must be an object`);
  const type = readText(item.type ?? registryField(item, 'transportType'), `${path}.type`) ?? '';
  if (type !== 'streamable-http' && type !== 'sse') {
    throw new UnreadableEntryError(`${path}: type ${quoted(type)} is not supported`);
  }
  const url = readText(item.url, `${path}.url`) ?? '';
  if (url === '') throw new UnreadableEntryError(`${path}.url is missing`);
  return {
    transport: type,
    command: null,
    args: [],
    cwd: null,
    env: {},
    url: fillTemplate(url, item.variables, path),
    headers: readKeyValueInputs(item.headers, `${path}.headers`, notes),
  };
}
