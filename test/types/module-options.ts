import { openTelemetry } from '../../lib/opentelemetry/index.js';
import {
  type ClientUser,
  SemanticEventsModule,
  type SemanticEventsOptions,
  type ValidateToken,
} from '../../lib/index.js';

const keys = [{ id: 'main', secret: 'a secret' }];
const auth = { jwt: { secret: 'a secret' } };

SemanticEventsModule.forRoot({ signing: { keys }, auth });
SemanticEventsModule.forRoot({ signing: { keys }, auth, isGlobal: false, providers: [] });
SemanticEventsModule.forRootAsync({ useFactory: async () => ({ signing: { keys }, auth }) });

SemanticEventsModule.forRoot({ signing: { keys }, auth, telemetry: openTelemetry() });

// @ts-expect-error telemetry is more than a switch
SemanticEventsModule.forRoot({ signing: { keys }, auth, telemetry: true });
// @ts-expect-error options are required
SemanticEventsModule.forRoot();
// @ts-expect-error signing is required
SemanticEventsModule.forRoot({ auth });
// @ts-expect-error auth is required
SemanticEventsModule.forRoot({ signing: { keys } });
// @ts-expect-error there is no such option
SemanticEventsModule.forRoot({ signing: { keys }, auth, rateLimits: {} });
// @ts-expect-error there is no such option of a section
SemanticEventsModule.forRoot({ signing: { keys, maxage: 1 }, auth });
// @ts-expect-error keys are required
SemanticEventsModule.forRoot({ signing: {}, auth });
// @ts-expect-error a key has a secret
SemanticEventsModule.forRoot({ signing: { keys: [{ id: 'main' }] }, auth });
// @ts-expect-error times are milliseconds, not strings
SemanticEventsModule.forRoot({ signing: { keys, maxAge: '5m' }, auth });
// @ts-expect-error exactly one of jwt, oidc and validateToken
SemanticEventsModule.forRoot({ signing: { keys }, auth: {} });
// @ts-expect-error not both of them
SemanticEventsModule.forRoot({ signing: { keys }, auth: { ...auth, validateToken: () => null } });
// @ts-expect-error an unsigned token cannot be accepted
SemanticEventsModule.forRoot({ signing: { keys }, auth: { jwt: { algorithms: ['none'] } } });
// @ts-expect-error a factory must return options
SemanticEventsModule.forRootAsync({ useFactory: () => ({ signing: { keys } }) });

class Factory {
  createSemanticEventsOptions(): SemanticEventsOptions {
    return { signing: { keys }, auth };
  }
}
class NotAFactory {
  readonly keys = keys;
}

SemanticEventsModule.forRootAsync({ useClass: Factory });
SemanticEventsModule.forRootAsync({ useExisting: Factory });
// @ts-expect-error the class must create options
SemanticEventsModule.forRootAsync({ useClass: NotAFactory });

const byName: ValidateToken = (token, { address }) => ({ id: `${token}@${address}`, name: 'Al' });
const later: ValidateToken = async () => ({ id: 1, roles: ['admin'] });
const noUser: ValidateToken = () => undefined;
// @ts-expect-error a user has an id
const anonymous: ValidateToken = () => ({ roles: [] });
// @ts-expect-error true is not a user
const notAUser: ValidateToken = () => true;
// @ts-expect-error roles must be a list
const user: ClientUser = { id: 'alice', roles: 'admin' };

export const used = [byName, later, noUser, anonymous, notAUser, user];
