import * as common from '@nestjs/common/internal';
import * as websockets from '@nestjs/websockets/internal';
import * as ours from '../../../lib/handler/nest-metadata.js';

describe('the metadata keys we read', () => {
  it.each([
    ['GUARDS_METADATA', common.GUARDS_METADATA],
    ['INTERCEPTORS_METADATA', common.INTERCEPTORS_METADATA],
    ['GATEWAY_METADATA', websockets.GATEWAY_METADATA],
    ['GATEWAY_OPTIONS', websockets.GATEWAY_OPTIONS],
    ['PORT_METADATA', websockets.PORT_METADATA],
    ['MESSAGE_MAPPING_METADATA', websockets.MESSAGE_MAPPING_METADATA],
    ['MESSAGE_METADATA', websockets.MESSAGE_METADATA],
    ['PIPES_METADATA', common.PIPES_METADATA],
    ['PARAMETERS_METADATA', websockets.PARAM_ARGS_METADATA],
  ] as const)('%s is the one the installed Nest writes', (name, key) => {
    expect(key).toEqual(expect.any(String));
    expect(ours[name]).toBe(key);
  });

  it('are all held against Nest', () => {
    expect(Object.keys(ours)).toHaveLength(9);
  });
});
