import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../clock.js';
import type { Client } from '../connection/index.js';
import { rfc3339Of, type SemanticEvent } from '../event/index.js';
import { type ResolvedOptions, SEMANTIC_EVENTS_OPTIONS } from '../options/index.js';
import { canonicalize, writeString } from './canonicalize.js';
import { EventSigner } from './event-signer.js';
import { contentOf, type ReplyContent, SemanticReply } from './reply.js';

export interface ReplyText {
  readonly type: string;
  /** The event as JSON text, exactly as it was signed. */
  readonly text: string;
}

/**
 * Creates and signs the events that answer events of clients. A client without a session key receives an unsigned event,
 * unless it signed its own event with a ring key. Only a holder of a ring key can obtain a ring signature.
 */
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
   * Returns the answer to an event of a client.
   *
   * @param result the return value of the handler
   * @throws TypeError if the data has no canonical form
   * @throws RefusalError `UNAVAILABLE` if no ring key is in force
   */
  answer(request: SemanticEvent, result: unknown, client: Client): ReplyText {
    const { type, ...content } = contentOf(request, result);
    const attributes = SemanticReply.attributesOf(result) ?? {};
    if (this.signer.isCompatible(request)) {
      const event = { ...content, ...attributes, type, source: this.source };
      const reply = { ...event, semanticcorrelationid: request.id };
      return { type, text: this.signer.signToText(reply, { scheme: 'integradio' }) };
    }
    const isPlain = Object.keys(attributes).length === 0;
    const open = isPlain
      ? this.openPlain(request.id, type, content)
      : this.openWith(request.id, { ...content, ...attributes, type });
    return { type, text: this.signer.sealReply(open, request, client) };
  }

  /**
   * Returns the canonical form of an event without its closing brace. It is a template, because all members are known and
   * need no sorting.
   */
  private openPlain(requestId: string, type: string, content: Omit<ReplyContent, 'type'>): string {
    const { data, data_base64: binary, datacontenttype } = content;
    // A UUID is unique, so it also serves as the nonce.
    const id = randomUUID();
    return (
      '{' +
      (data === undefined ? '' : `"data":${canonicalize(data)},`) +
      (binary === undefined ? '' : `"data_base64":"${binary}",`) +
      `"datacontenttype":"${datacontenttype}","id":"${id}",` +
      `"semanticcorrelationid":${writeString(requestId)},"semanticnonce":"${id}",` +
      `"source":${writeString(this.source)},"specversion":"1.0","time":"${this.time()}","type":${writeString(type)}`
    );
  }

  private openWith(requestId: string, members: Readonly<Record<string, unknown>>): string {
    const id = randomUUID();
    const event = {
      ...members,
      specversion: '1.0',
      id,
      source: this.source,
      time: this.time(),
      semanticnonce: id,
      semanticcorrelationid: requestId,
    };
    return canonicalize(event).slice(0, -1);
  }

  private time(): string {
    return rfc3339Of(this.clock.now());
  }
}
