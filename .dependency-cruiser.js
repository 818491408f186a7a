/** The layers of lib/: adapter and module → protections → event → protocol. */
const PROTECTIONS = 'signing|replay|rate-limit|connection|auth|monitoring';

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'protocol-is-pure',
      comment: 'protocol/ is shared with browsers: no Nest, no Node, nothing of the rest of lib/',
      severity: 'error',
      from: { path: '^lib/protocol' },
      to: { pathNot: '^lib/protocol' },
    },
    {
      name: 'event-knows-only-protocol',
      severity: 'error',
      from: { path: '^lib/event' },
      to: { path: '^lib/', pathNot: '^lib/(event|protocol)' },
    },
    {
      name: 'protections-do-not-know-the-adapter',
      severity: 'error',
      from: { path: `^lib/(${PROTECTIONS})` },
      to: { path: '^lib/(adapter|mesh|redis|client|semantic-events\\.module|index)' },
    },
    {
      name: 'no-foreign-internals',
      comment: "a protection uses another room's index.ts, never its files",
      severity: 'error',
      from: { path: `^lib/(${PROTECTIONS})/` },
      to: { path: `^lib/(${PROTECTIONS})/(?!index\\.ts)`, pathNot: '^lib/$1/' },
    },
    {
      name: 'client-imports-only-what-is-pure-and-small',
      comment: 'it is served to browsers file by file',
      severity: 'error',
      from: { path: '^lib/client' },
      to: {
        pathNot: '^lib/(client/|protocol/(codes|errors)\\.ts|event/(semantic-event|patterns)\\.ts)',
      },
    },
    {
      name: 'client-reaches-neither-node-nor-nest',
      severity: 'error',
      from: { path: '^lib/client' },
      to: { pathNot: '^lib/(client|protocol|event)/', reachable: true },
    },
    {
      name: 'only-clients-import-the-client',
      severity: 'error',
      from: { path: '^lib/(?!client)' },
      to: { path: '^lib/client' },
    },
    {
      name: 'monitoring-is-beneath-the-protections',
      comment: 'every protection tells it what it refuses',
      severity: 'error',
      from: { path: '^lib/monitoring' },
      to: {
        path: '^lib/',
        pathNot: '^lib/(monitoring|options|event|protocol|clock|maybe-promise)',
      },
    },
    {
      name: 'only-health-needs-terminus',
      severity: 'error',
      from: { path: '^lib/(?!health)' },
      to: { path: '(^lib/health|@nestjs/terminus)' },
    },
    {
      name: 'only-opentelemetry-needs-its-api',
      comment: 'a sub-path of its own, handed in as an option: the rest works without the package',
      severity: 'error',
      from: { path: '^lib/(?!opentelemetry)' },
      to: { path: '(^lib/opentelemetry|@opentelemetry/)' },
    },
    {
      name: 'opentelemetry-knows-only-what-is-measured',
      severity: 'error',
      from: { path: '^lib/opentelemetry' },
      to: {
        path: '^lib/',
        pathNot: '^lib/(opentelemetry|monitoring|handler|protocol|clock|maybe-promise)',
      },
    },
    {
      name: 'only-socket.io-needs-its-platform',
      comment: 'a sub-path of its own: the rest works without @nestjs/platform-socket.io',
      severity: 'error',
      from: { path: '^lib/(?!socket\\.io)' },
      to: { path: '(^lib/socket\\.io|@nestjs/platform-socket\\.io)' },
    },
    {
      name: 'testing-is-for-tests-only',
      severity: 'error',
      from: { path: '^lib/(?!testing)' },
      to: { path: '^lib/testing' },
    },
    {
      name: 'declared-dependencies-only',
      severity: 'error',
      from: { path: '^lib' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
        dependencyTypesNot: ['npm-peer', 'npm-optional', 'type-only'],
      },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'default'],
    },
  },
};
