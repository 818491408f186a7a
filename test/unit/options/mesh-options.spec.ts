import { type AllowedPatterns, type MeshOptions } from '../../../lib/options/index.js';
import { MAIN_SECRET, resolvedOptions } from '../../helpers/resolved-options.js';

const signing = { keys: [{ id: 'main', secret: MAIN_SECRET }] };
const withMesh = (mesh: unknown) => () =>
  resolvedOptions({ signing, mesh: mesh as Partial<MeshOptions> });

describe('mesh', () => {
  it.each([
    ['a string', 'chat.**'],
    ['null', null],
    ['a list with an invalid pattern', ['chat.**', 'chat..x']],
    ['a list with a value that is not a string', ['chat.**', 1]],
  ])('rejects %s as mesh.allow', (_, allow) => {
    expect(withMesh({ allow })).toThrow('mesh.allow must be a list of patterns');
  });

  it.each<[string, AllowedPatterns]>([
    ['a list of patterns', ['chat.**', '*.said']],
    ['an empty list', []],
    ['a function of the user', ({ id }) => [`user.${id}.**`]],
  ])('accepts %s', (_, allow) => {
    expect(withMesh({ allow })().mesh.allow).toEqual(allow);
  });

  it.each(['maxPatterns', 'maxEvents', 'maxHistorySize', 'maxWaiting'])(
    'rejects a %s that is not a whole number of at least 1',
    name => {
      for (const value of [0, -1, 1.5, NaN, Infinity, '10'])
        expect(withMesh({ [name]: value })).toThrow(`mesh.${name}`);
    },
  );

  it('rejects unknown options', () => {
    expect(withMesh({ alow: ['**'] })).toThrow('mesh.alow is not an option');
  });
});
