import { type AllowedPatterns, type MeshOptions } from '../../../lib/options/index.js';
import { MAIN_SECRET, resolvedOptions } from '../../helpers/resolved-options.js';

const signing = { keys: [{ id: 'main', secret: MAIN_SECRET }] };
const withMesh = (mesh: unknown) => () =>
  resolvedOptions({ signing, mesh: mesh as Partial<MeshOptions> });

describe('mesh', () => {
  it.each([
    ['a text', 'chat.**'],
    ['null', null],
    ['a list with what is no pattern', ['chat.**', 'chat..x']],
    ['a list with what is no text', ['chat.**', 1]],
  ])('allows nothing by %s: it is refused at the start', (_, allow) => {
    expect(withMesh({ allow })).toThrow('mesh.allow must be a list of patterns');
  });

  it.each<[string, AllowedPatterns]>([
    ['a list of patterns', ['chat.**', '*.said']],
    ['an empty list', []],
    ['a function of the user', ({ id }) => [`user.${id}.**`]],
  ])('takes %s', (_, allow) => {
    expect(withMesh({ allow })().mesh.allow).toEqual(allow);
  });

  it.each(['maxPatterns', 'maxEvents', 'maxHistorySize', 'maxWaiting'])(
    'takes no %s below 1, or that is no whole number',
    name => {
      for (const value of [0, -1, 1.5, NaN, Infinity, '10'])
        expect(withMesh({ [name]: value })).toThrow(`mesh.${name}`);
    },
  );

  it('has no other options', () => {
    expect(withMesh({ alow: ['**'] })).toThrow('mesh.alow is not an option');
  });
});
