import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../clock.js';
import type { Client } from '../connection/index.js';
import { rfc3339Of, type SemanticEvent } from '../event/index.js';
import { type ResolvedOptions, SEMANTIC_EVENTS_OPTIONS } from '../options/index.js';
import { EventSigner } from './event-signer.js';
import { openReply, replyTo } from './reply.js';

export interface SignedReply {
  readonly type: string;
  /** The event as JSON: what is signed is, letter by letter, what is sent. */
  readonly text: string;
}

/** Signs what handlers answer. */
@Injectable()
export class ReplySigner {
  private readonly source: string;

  constructor(
    private readonly signer: EventSigner,
    private readonly clock: Clock,
    @Inject(SEMANTIC_EVENTS_OPTIONS) { signing }: ResolvedOptions,
  ) {
    this.source = signing.source;
  }

  /**
   * The signed answer to an event of a client.
   *
   * @param result what the handler returned
   * @throws as `EventSigner.sign`
   */
  sign(request: SemanticEvent, result: unknown, client: Client): SignedReply {
    const identity = { id: randomUUID(), time: rfc3339Of(this.clock.now()) };
    const known = this.signer.isCompatible(request)
      ? undefined
      : openReply(request, result, this.source, identity);
    if (known) return { type: known.type, text: this.signer.seal(known.openText, client) };
    const reply = replyTo(request, result, this.source);
    const scheme = this.signer.schemeFor(request, reply);
    return { type: reply.type, text: this.signer.signToText(reply, { client, scheme }) };
  }
}
