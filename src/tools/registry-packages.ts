import { isRecord, JsonRecord, quoted, readText } from './config-shape';
import { UnreadableEntryError } from './import.errors';
import { readArguments, readKeyValueInputs, registryField } from './registry-inputs';

/** How a package is started over stdio. */
export interface PackageCommand {
  command: string;
  args: string[];
  env: Record<string, string>;
}

/** A package with its inputs read, on its way to a command. */
interface ReadPackage {
  identifier: string;
  version: string | null;
  runtimeArgs: string[];
  packageArgs: string[];
  env: Record<string, string>;
}

interface PackageRunner {
  /** Commands that a `runtimeHint` may ask for, each with what goes before everything else. The first is the usual. */
  commands: ReadonlyMap<string, readonly string[]>;
  /** The public registry that these commands ask. */
  registry: string | null;
  arguments: (item: ReadPackage, prefix: readonly string[]) => string[];
}

/** The registry's `runtimeHint` is foreign text: it chooses from these and never becomes a command itself. */
const RUNNERS: ReadonlyMap<string, PackageRunner> = new Map([
  [
    'npm',
    {
      commands: new Map([
        ['npx', ['-y']],
        ['bunx', []],
        ['pnpm', ['dlx']],
      ]),
      registry: 'registry.npmjs.org',
      arguments: (item, prefix) => [...withFlags(prefix, item.runtimeArgs), versioned(item, '@'), ...item.packageArgs],
    },
  ],
  [
    'pypi',
    {
      commands: new Map([
        ['uvx', []],
        ['uv', ['tool', 'run']],
        ['pipx', ['run']],
      ]),
      registry: 'pypi.org',
      arguments: (item, prefix) => [
        ...withFlags(prefix, item.runtimeArgs),
        // `uvx --from pkg==1 name`: the package is named before, and this is the program in it.
        item.runtimeArgs.includes('--from') ? item.identifier : versioned(item, '=='),
        ...item.packageArgs,
      ],
    },
  ],
  [
    'oci',
    {
      commands: new Map([
        ['docker', ['run', '-i', '--rm']],
        ['podman', ['run', '-i', '--rm']],
      ]),
      registry: null,
      arguments: (item, prefix) => [
        ...withFlags(prefix, item.runtimeArgs),
        ...Object.keys(item.env)
          .filter((name) => !item.runtimeArgs.some((word) => word === name || word.startsWith(`${name}=`)))
          .flatMap((name) => ['-e', name]),
        versioned(item, ':'),
        ...item.packageArgs,
      ],
    },
  ],
  [
    'nuget',
    {
      commands: new Map([['dnx', []]]),
      registry: 'api.nuget.org',
      // dnx asks before it downloads, and there is nobody to answer.
      arguments: (item, prefix) => [
        ...withFlags(prefix, item.runtimeArgs),
        versioned(item, '@'),
        '--yes',
        ...(item.packageArgs.length === 0 ? [] : ['--', ...item.packageArgs]),
      ],
    },
  ],
] satisfies [string, PackageRunner][]);

/**
 * The command line of one of `packages[]`, by the schema's order: runtime, its arguments, identifier with version, the
 * package's arguments. There is no shell: each argument stays one.
 *
 * @throws UnreadableEntryError when we can't run a package of this kind.
 */
export function readPackage(value: unknown, path: string, notes: string[]): PackageCommand {
  if (!isRecord(value)) throw new UnreadableEntryError(`${path} must be an object`);
  const type = readText(registryField(value, 'registryType'), `${path}.registryType`) ?? '';
  const runner = RUNNERS.get(type);
  if (!runner) throw new UnreadableEntryError(`${path}: packages of type ${quoted(type)} can't be run`);
  assertRunnable(value, path, runner);
  const item: ReadPackage = {
    identifier: identifierOf(value, path, type),
    version: readText(value.version, `${path}.version`),
    runtimeArgs: readArguments(registryField(value, 'runtimeArguments'), `${path}.runtimeArguments`, notes),
    packageArgs: readArguments(registryField(value, 'packageArguments'), `${path}.packageArguments`, notes),
    env: readKeyValueInputs(registryField(value, 'environmentVariables'), `${path}.environmentVariables`, notes),
  };
  const [command, prefix] = commandOf(value, path, runner, notes);
  return { command, args: runner.arguments(item, prefix), env: item.env };
}

function assertRunnable(item: JsonRecord, path: string, runner: PackageRunner): void {
  const hash = registryField(item, 'fileSha256');
  if (hash !== undefined && hash !== null) {
    throw new UnreadableEntryError(`${path}: its fileSha256 must be checked, which its runner doesn't do`);
  }
  const transport = isRecord(item.transport) ? readText(item.transport.type, `${path}.transport.type`) : null;
  if (transport !== null && transport !== 'stdio') {
    throw new UnreadableEntryError(`${path}: it speaks ${quoted(transport)}, and only stdio programs can be run`);
  }
  // The same name in another registry is another package, so asking the public one for it would run a stranger's.
  const host = registryHost(item, path);
  if (runner.registry !== null && host !== null && host !== runner.registry) {
    throw new UnreadableEntryError(`${path}: it comes from ${quoted(host)}, not from ${runner.registry}`);
  }
}

function identifierOf(item: JsonRecord, path: string, type: string): string {
  const identifier = readText(item.identifier, `${path}.identifier`) ?? '';
  if (identifier === '' || identifier.startsWith('-') || /[\s\0]/.test(identifier)) {
    throw new UnreadableEntryError(`${path}.identifier is missing or no package name`);
  }
  if (type !== 'oci') return identifier;
  // 2025-07-09 says the registry apart from the image, 2025-12-11 in its name.
  const host = registryHost(item, path);
  const isWhole = host === null || host === 'docker.io' || identifier.startsWith(`${host}/`);
  return isWhole ? identifier : `${host}/${identifier}`;
}

function registryHost(item: JsonRecord, path: string): string | null {
  const baseUrl = readText(registryField(item, 'registryBaseUrl'), `${path}.registryBaseUrl`);
  if (baseUrl === null || baseUrl === '') return null;
  if (!URL.canParse(baseUrl)) throw new UnreadableEntryError(`${path}.registryBaseUrl is not a URL`);
  return new URL(baseUrl).host;
}

function commandOf(
  item: JsonRecord,
  path: string,
  runner: PackageRunner,
  notes: string[],
): readonly [string, readonly string[]] {
  const hint = readText(registryField(item, 'runtimeHint'), `${path}.runtimeHint`);
  const hinted = hint === null ? undefined : runner.commands.get(hint);
  if (hint !== null && hinted) return [hint, hinted];
  const [usual = ['', []] as const] = runner.commands;
  if (hint !== null) notes.push(`runtimeHint ${quoted(hint)} is not known: ${usual[0]} is used`);
  return usual;
}

/** Real files give the runner's own words (`run`, `-i`, `-y`) as runtime arguments as well: each is wanted once. */
function withFlags(prefix: readonly string[], runtimeArgs: readonly string[]): string[] {
  const subcommands = prefix.filter((word) => !word.startsWith('-'));
  const repeatsThem = subcommands.every((word, index) => runtimeArgs[index] === word);
  const rest = repeatsThem ? runtimeArgs.slice(subcommands.length) : runtimeArgs;
  return [...subcommands, ...prefix.filter((word) => word.startsWith('-') && !rest.includes(word)), ...rest];
}

function versioned({ identifier, version }: ReadPackage, separator: string): string {
  if (version === null || version === '') return identifier;
  // An image name may bring its tag or digest along (2025-12-11).
  const lastSegment = identifier.slice(identifier.lastIndexOf('/') + 1);
  const isTagged = separator === ':' && /[:@]/.test(lastSegment);
  return isTagged ? identifier : `${identifier}${separator}${version}`;
}
