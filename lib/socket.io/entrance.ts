import { type ConnectionServices, type Endpoint, Session } from '../adapter/index.js';
import type { Client, ConnectionSlot } from '../connection/index.js';
import type { AuthSuccess, Code, RefusalDetails, ServerFrame } from '../protocol/index.js';
import type { IoSocket } from './io-types.js';

/** Namespaces that one client may be in, or may be about to enter. */
const MAX_NAMESPACES = 16;

export interface Refusal {
  readonly code: Code;
  readonly details?: RefusalDetails;
}

/** What came of asking for a namespace: a refusal, or what the client is told once it is in. */
export type Entry = Refusal | { welcome?: AuthSuccess };

/** The connection that is entered by. */
export interface EntranceOwner {
  readonly client: Client;
  readonly isOpen: boolean;
  /** Whether messages are still handled. */
  readonly isTaking: boolean;
  /** How many namespaces the client is in. */
  readonly namespaces: number;
  tell(frame: ServerFrame): void;
  authenticated(): void;
  /** Counts a refusal that is told by what it refuses. */
  note(code: Code): void;
  refuse(code: Code, details?: RefusalDetails): void;
  end(code: Code, details?: RefusalDetails): void;
  /** Called with each socket that may enter. */
  joined(socket: IoSocket): void;
}

/** Where a client shows who it is: on its way into a namespace, or later to renew its session. */
export class Entrance {
  /** How many sockets wait to enter. */
  waiting = 0;

  private readonly session: Session;
  private last: Promise<unknown> = Promise.resolve();
  /** The one whose token is looked at. */
  private current: { welcome?: AuthSuccess; settle(refusal?: Refusal): void } | undefined;

  constructor(
    private readonly owner: EntranceOwner,
    private readonly slot: ConnectionSlot,
    private readonly services: ConnectionServices,
    private readonly endpoint: Endpoint,
  ) {
    this.session = new Session(this.outlet());
  }

  /** Lets a socket into its namespace, one after the other. */
  async enter(socket: IoSocket): Promise<Entry> {
    if (this.waiting + this.owner.namespaces >= MAX_NAMESPACES) return this.refused('RATE_LIMITED');
    this.waiting++;
    const entered = this.last.then(async () => this.ask(socket));
    const done = () => {
      this.waiting--;
    };
    this.last = entered.then(done, done);
    return entered;
  }

  /** Takes a new token of a client that is connected. */
  renew(token: unknown): void {
    if (typeof token === 'string') this.session.authenticate(token);
    else this.owner.refuse('BAD_FRAME');
  }

  checkDeadlines(): void {
    this.session.checkDeadlines();
  }

  /** Has whoever waits refused. */
  shut(code: Code, details?: RefusalDetails): void {
    this.current?.settle({ code, details });
  }

  private async ask(socket: IoSocket): Promise<Entry> {
    const { owner, services } = this;
    if (!owner.isTaking) return { code: 'SERVER_SHUTDOWN' };
    const { auth } = socket.handshake as { auth?: { token?: unknown } };
    const entry: { welcome?: AuthSuccess } = {};
    if (auth?.token !== undefined) {
      const refusal = await this.present(auth.token, entry);
      if (refusal) return refusal;
    } else if (!owner.client.user) {
      const namespace = socket.nsp.name;
      if (!services.catalog.hasPublic({ ...this.endpoint, namespace }))
        return this.refused('UNAUTHENTICATED');
    }
    owner.joined(socket);
    return entry;
  }

  /** Has a token looked at. @returns what refuses it */
  private present(token: unknown, entry: { welcome?: AuthSuccess }): Promise<Refusal | undefined> {
    return new Promise(resolve => {
      this.current = Object.assign(entry, {
        settle: (refusal?: Refusal) => {
          this.current = undefined;
          resolve(refusal);
        },
      });
      this.session.authenticate(typeof token === 'string' ? token : '');
    });
  }

  private refused(code: Code, details?: RefusalDetails): Refusal {
    this.owner.note(code);
    return { code, details };
  }

  private outlet(): ConstructorParameters<typeof Session>[0] {
    const { owner, services, slot, endpoint } = this;
    return {
      client: owner.client,
      slot,
      endpoint: { services, isOpenToAll: services.catalog.isOpen(endpoint) },
      get isOpen() {
        return owner.isOpen;
      },
      tell: frame => {
        if (frame.type === 'auth_success' && this.current) this.current.welcome = frame;
        else owner.tell(frame);
      },
      authenticated: () => {
        owner.authenticated();
        this.current?.settle();
      },
      refuse: (code, details) => {
        if (this.current) this.current.settle(this.refused(code, details));
        else owner.refuse(code, details);
      },
      end: (code, details) => {
        owner.end(code, details);
      },
    };
  }
}
