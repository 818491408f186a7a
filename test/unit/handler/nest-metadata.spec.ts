import * as common from '@nestjs/common/internal';
import * as websockets from '@nestjs/websockets/internal';
import * as ours from '../../../lib/handler/nest-metadata.js';
import { CATCHES_METADATA } from '../../../lib/monitoring/index.js';

describe('metadata keys', () => {
  it.each([
    ['GUARDS_METADATA', common.GUARDS_METADATA],
    ['EXCEPTION_FILTERS_METADATA', common.EXCEPTION_FILTERS_METADATA],
    ['INTERCEPTORS_METADATA', common.INTERCEPTORS_METADATA],
    ['GATEWAY_METADATA', websockets.GATEWAY_METADATA],
    ['GATEWAY_OPTIONS', websockets.GATEWAY_OPTIONS],
    ['PORT_METADATA', websockets.PORT_METADATA],
    ['MESSAGE_MAPPING_METADATA', websockets.MESSAGE_MAPPING_METADATA],
    ['MESSAGE_METADATA', websockets.MESSAGE_METADATA],
    ['PIPES_METADATA', common.PIPES_METADATA],
    ['INJECTABLE_WATERMARK', common.INJECTABLE_WATERMARK],
    ['PARAMETERS_METADATA', websockets.PARAM_ARGS_METADATA],
  ] as const)('%s is the key that the installed Nest writes', (name, key) => {
    expect(key).toEqual(expect.any(String));
    expect(ours[name]).toBe(key);
  });

  it('of exception filters is the key that the installed Nest writes', () => {
    expect(CATCHES_METADATA).toBe(common.FILTER_CATCH_EXCEPTIONS);
  });

  it('are all compared with Nest', () => {
    expect(Object.keys(ours)).toHaveLength(11);
  });
});
