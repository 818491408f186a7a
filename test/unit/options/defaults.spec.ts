import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_EVENT_LIMITS, DEFAULT_TIME_WINDOW } from '../../../lib/event/index.js';
import { DEFAULTS } from '../../../lib/options/index.js';

const LIB = join(import.meta.dirname, '../../../lib');

/** Maps an interface to the member of DEFAULTS with its defaults. */
const SECTION_OF: Record<string, keyof typeof DEFAULTS> = {
  SigningOptions: 'signing',
  TimeWindow: 'signing',
  CommonAuthOptions: 'auth',
  GatewayConnectionOptions: 'connection',
  ConnectionOptions: 'connection',
  EventLimits: 'event',
  ReplayOptions: 'replay',
  RateLimitOptions: 'rateLimit',
  MeshOptions: 'mesh',
  MonitoringOptions: 'monitoring',
};

interface DocumentedDefault {
  section: string;
  option: string;
  text: string;
}

/** Returns every `@default` in the doc comments of a source text. */
function documentedDefaults(source: string): DocumentedDefault[] {
  return [...source.matchAll(/^(?:export )?interface (\w+)[^{]*\{\n([^]*?)^\}/gm)].flatMap(
    ([, name = '', body = '']) =>
      [...body.matchAll(/@default ([^]+?)\s*\*\/\s*(?:readonly )?(\w+)\??:/g)].map(
        ([, text = '', option = '']) => ({ section: SECTION_OF[name] ?? name, option, text }),
      ),
  );
}

const sources = ['options', 'event'].flatMap(folder =>
  readdirSync(join(LIB, folder))
    .filter(file => file.endsWith('.ts'))
    .map(file => readFileSync(join(LIB, folder, file), 'utf8')),
);
const documented = sources.flatMap(documentedDefaults);

/** The interface of options without a section. */
const TOP = 'SemanticEventsOptions';
const isInDefaults = ({ section }: DocumentedDefault) => section === TOP || section in DEFAULTS;

/** Defaults of sections that are absent unless configured. */
const OF_OPTIONAL_PARTS = [
  'JwtAuthOptions.clockTolerance',
  'OidcAuthOptions.audienceClaim',
  'OidcAuthOptions.algorithms',
  'OidcAuthOptions.clockTolerance',
  'TicketRouteOptions.path',
  'TicketRouteOptions.bind',
];

/** Parses `65_536`, `'text'` and `{ rate: 5 }`. */
const valueOf = (text: string): unknown =>
  JSON.parse(
    text
      .replaceAll(/\n\s*\*/g, '')
      .replaceAll("'", '"')
      .replaceAll('_', '')
      .replaceAll(/(\w+):/g, '"$1":'),
  );

describe('DEFAULTS', () => {
  it('contains every documented default, except those of optional sections', () => {
    const inDefaults = documented.filter(isInDefaults);
    const elsewhere = documented.filter(entry => !isInDefaults(entry));

    expect(inDefaults.length).toBeGreaterThanOrEqual(15);
    expect(elsewhere.map(({ section, option }) => `${section}.${option}`)).toEqual(
      OF_OPTIONAL_PARTS,
    );
  });

  it.each(documented.filter(isInDefaults))(
    'has $text for $option of $section, as documented',
    ({ section, option, text }) => {
      const defaults = section === TOP ? DEFAULTS : DEFAULTS[section as keyof typeof DEFAULTS];
      expect(defaults).toHaveProperty(option, valueOf(text));
    },
  );

  it.each(Object.entries(DEFAULTS).filter(([, defaults]) => typeof defaults === 'object'))(
    'documents each default of %s',
    (section, defaults) => {
      const options = documented
        .filter(entry => entry.section === section)
        .map(({ option }) => option);

      expect(new Set(options)).toEqual(new Set(Object.keys(defaults)));
    },
  );

  it('has no @default that this test does not read', () => {
    const written = sources.join('\n').match(/@default\b/g) ?? [];

    expect(documented).toHaveLength(written.length);
  });

  it('is the source of the defaults of standalone functions', () => {
    expect(DEFAULTS.signing).toMatchObject(DEFAULT_TIME_WINDOW);
    expect(DEFAULTS.event).toEqual(DEFAULT_EVENT_LIMITS);
  });
});
