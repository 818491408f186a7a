/** The layers of lib/: transports and module → guarded connection → gateway, handshake → protections → event → protocol. */
const PROTECTIONS = 'signing|replay|rate-limit|connection(?!/guarded)|auth|monitoring';

/** The files that a frame passes, in order. Socket.IO has a codec of its own; its dispatcher is the stage behind that. */
const PATH_OF_A_FRAME = [
  'transports/(ws/ws-listener|socket\\.io/io-listener)',
  'connection/guarded/connection',
  'connection/guarded/inbound-queue',
  'connection/guarded/frame-codec',
  'connection/guarded/dispatcher|transports/socket\\.io/io-dispatcher',
  'connection/guarded/reply-encoder|transports/socket\\.io/io-call',
  'signing/reply-signer',
  'transports/(ws|socket\\.io)/outbound-queue',
].map(stage => `^lib/(${stage})\\.ts$`);

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
      name: 'protections-do-not-know-what-uses-them',
      severity: 'error',
      from: { path: `^lib/(${PROTECTIONS})` },
      to: {
        path: '^lib/(transports|handshake|gateway|connection/guarded|mesh|redis|client|semantic-events\\.module|index)',
      },
    },
    {
      name: 'a-connection-knows-no-transport',
      severity: 'error',
      from: { path: '^lib/(?!transports|socket\\.io|semantic-events\\.module|index)' },
      to: { path: '^lib/transports' },
    },
    {
      name: 'before-there-is-a-connection',
      comment: 'handshake/ and gateway/ work without a connection',
      severity: 'error',
      from: { path: '^lib/(handshake|gateway)' },
      to: { path: '^lib/connection/guarded' },
    },
    {
      name: 'the-budget-and-the-queue-know-no-way-but-on',
      comment: 'what is charged and held does not depend on what is done with it',
      severity: 'error',
      from: {
        path: '^lib/connection/guarded/(connection|inbound-queue|refusing-connection)\\.ts$',
      },
      to: { path: '^lib/connection/guarded/(frame-codec|dispatcher|reply-encoder)\\.ts$' },
    },
    ...PATH_OF_A_FRAME.slice(1).map((stage, at) => ({
      name: `a-frame-goes-one-way-${at + 1}`,
      comment: 'a stage calls the next one, and none that the frame has passed',
      severity: 'error',
      from: { path: stage },
      to: {
        path: PATH_OF_A_FRAME.slice(0, at + 1),
        dependencyTypesNot: ['type-only'],
      },
    })),
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
      from: { path: '^lib/(?!client|testing)' },
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
      name: 'integradio-is-loaded-only-if-configured',
      comment:
        'the rest knows the CompatibleMode of event/, and the module imports integradio/ dynamically',
      severity: 'error',
      from: { path: '^lib/(?!integradio|semantic-events\\.module)' },
      to: { path: '^lib/integradio' },
    },
    {
      name: 'the-module-imports-integradio-dynamically',
      severity: 'error',
      from: { path: '^lib/semantic-events\\.module' },
      to: { path: '^lib/integradio', dynamic: false },
    },
    {
      name: 'integradio-knows-only-events-and-their-canonical-form',
      severity: 'error',
      from: { path: '^lib/integradio' },
      to: { path: '^lib/', pathNot: '^lib/(integradio|event|protocol|signing/index\\.ts)' },
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
        pathNot: '^lib/(opentelemetry|start-up|monitoring|handler|protocol|clock|maybe-promise)',
      },
    },
    {
      name: 'only-socket.io-needs-its-platform',
      comment: 'a sub-path of its own: the rest works without @nestjs/platform-socket.io',
      severity: 'error',
      from: { path: '^lib/(?!socket\\.io|transports/socket\\.io)' },
      to: { path: '(^lib/socket\\.io|^lib/transports/socket\\.io|@nestjs/platform-socket\\.io)' },
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
