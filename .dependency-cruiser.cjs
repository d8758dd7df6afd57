/**
 * The arrows of ARCHITECTURE.md as rules that fail the build.
 * Rings from the ground up: platform, runtime, features, edges. An arrow points down, or along a line of ALLOWED.
 */
const platform = [
  ...[
    'config',
    'common',
    'database',
    'events',
    'settings',
    'audit',
    'scheduler',
    'limits',
    'auth',
    'metrics',
    'availability',
  ],
];
const runtime = ['mcp', 'supervisor'];
const features = ['tools', 'logs', 'users', 'api-keys', 'backup', 'system'];
const edges = ['gateway', 'stream', 'health', 'dashboard'];
const folder = (names) => `^src/(${names.join('|')})/`;

/** Arrows inside a ring: [from, to]. Whatever is not listed is forbidden. */
const ALLOWED = [
  ['database', 'config'],
  ['database', 'common'],
  // What it has open ends at the shutdown's last steps; in maintenance its files may be exchanged.
  ['database', 'availability'],
  ['availability', 'common'],
  ['common', 'config'],
  ['audit', 'common'],
  ['audit', 'config'],
  ['audit', 'database'],
  ['settings', 'audit'],
  ['settings', 'common'],
  ['settings', 'config'],
  ['settings', 'database'],
  ['settings', 'events'],
  ['scheduler', 'common'],
  ['scheduler', 'database'],
  // Schedules are settings.
  ['scheduler', 'settings'],
  ['limits', 'common'],
  ['limits', 'config'],
  // Limits and lifetimes are settings.
  ['limits', 'settings'],
  ['auth', 'settings'],
  // What is committed is told.
  ['audit', 'events'],
  // Whoever asked for a restore may watch it while nobody can be looked up.
  ['auth', 'availability'],
  ['auth', 'limits'],
  ['auth', 'audit'],
  ['auth', 'common'],
  ['auth', 'config'],
  ['auth', 'database'],
  ['metrics', 'common'],
  ['metrics', 'config'],
  ['metrics', 'database'],
  ['supervisor', 'mcp'],
  // A restore closes the house: tools stop, their log waits, and what is remembered of other data is forgotten.
  ['backup', 'tools'],
  ['backup', 'logs'],
  // The state of the backups is part of the health in detail.
  // A tool's secrets are told to the recorder, so that none is stored.
  ['tools', 'logs'],
  // What is told of MCPS.ONE as a whole is told of these, too.
  ['system', 'tools'],
  ['system', 'logs'],
  // The scope of a key is given and shown as names of tools.
  ['api-keys', 'tools'],
];

const insideRing = [platform, runtime, features, edges].flatMap((ring) =>
  ring.map((name) => ({
    name: `inside-the-ring-${name}`,
    comment: `src/${name} may only import what ALLOWED in .dependency-cruiser.cjs names; talk by events or declare the arrow.`,
    severity: 'error',
    from: { path: `^src/${name}/`, pathNot: 'spec\\.ts$' },
    to: {
      path: folder(ring),
      pathNot: [`^src/${name}/`, ...ALLOWED.filter(([from]) => from === name).map(([, to]) => `^src/${to}/`)],
    },
  })),
);

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      comment: 'A cycle means a missing event or a missing module.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'platform-knows-no-domain',
      comment: 'Platform is the ground: it imports nothing above it.',
      severity: 'error',
      from: { path: folder(platform) },
      to: { path: folder([...runtime, ...features, ...edges]) },
    },
    {
      name: 'runtime-knows-no-features',
      comment: 'Runtime holds live things: it knows neither routes nor tables.',
      severity: 'error',
      from: { path: folder(runtime) },
      to: { path: folder([...features, ...edges, 'database', 'audit', 'auth', 'settings']) },
    },
    {
      name: 'edges-are-imported-by-nobody',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/app\\.', '^src/main', folder(edges)] },
      to: { path: folder(edges) },
    },
    ...insideRing,
    {
      name: 'typeorm-fence',
      comment: 'Queries live in repositories; everything else asks them.',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: ['\\.(entity|repository)\\.ts$', '\\.module\\.ts$', '^src/database/', 'spec\\.ts$'],
      },
      to: {
        path: [
          'node_modules/typeorm/',
          'node_modules/@nestjs/typeorm/',
          'node_modules/better-sqlite3/',
          'node_modules/pg/',
        ],
      },
    },
    {
      name: 'child-process-fence',
      comment: 'Only the supervisor (and the PostgreSQL backup engine) starts programs.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/supervisor/', '^src/backup/', 'spec\\.ts$'] },
      to: { path: '^(node:)?child_process$' },
    },
    {
      name: 'mcp-sdk-fence',
      comment: 'The SDK is used where it is right, behind mcp/.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/mcp/', 'spec\\.ts$'] },
      to: { path: 'node_modules/@modelcontextprotocol/' },
    },
    {
      name: 'no-orphans',
      comment: 'A file nobody imports is dead.',
      severity: 'error',
      from: {
        orphan: true,
        pathNot: ['^src/main\\.ts$', '\\.d\\.ts$', 'spec\\.ts$', '^migrations/', '^ormconfig(\\.logs)?\\.ts$'],
      },
      to: {},
    },
    {
      name: 'no-dev-dependencies-in-src',
      severity: 'error',
      from: { path: '^src/', pathNot: 'spec\\.ts$' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: ['^dist', 'spec\\.ts$'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['require', 'node', 'default', 'types'] },
  },
};
