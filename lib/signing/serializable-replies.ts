import type { Provider } from '@nestjs/common';
import { SemanticReply } from './reply.js';

/**
 * Makes replies survive the `ClassSerializerInterceptor` of Nest. It replaces each return value by a plain copy that has only the
 * exposed members, so the copy of a reply would count as data. class-transformer is an optional package.
 */
export const SERIALIZABLE_REPLIES_PROVIDER: Provider = {
  provide: Symbol('SERIALIZABLE_REPLIES'),
  useFactory: (): Promise<boolean> =>
    import('class-transformer').then(
      ({ Expose }) => {
        for (const member of ['event', 'data', 'semanticReply'] satisfies (keyof SemanticReply)[])
          Expose()(SemanticReply.prototype, member);
        return true;
      },
      () => false,
    ),
};
