import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { EventSigner, SemanticEventsAdapter } from '../../lib/index.js';
import { AppModule } from '../../sample/01-quickstart/app.module.js';
import { readConfig } from '../../sample/01-quickstart/config.js';
import { PageFiles } from '../../sample/01-quickstart/page-files.js';
import { freePort } from './free-port.js';

/** A quickstart with its page that can be restarted on the same port. */
export class Quickstart {
  private app: INestApplication | undefined;

  private constructor(
    readonly port: number,
    private readonly env: Record<string, string>,
  ) {}

  static async start(settings: Record<string, string> = {}): Promise<Quickstart> {
    const port = await freePort();
    const env = {
      PORT: `${port}`,
      SEMANTIC_EVENTS_KEYS: `main:${EventSigner.generateKey()}`,
      JWT_SECRET: EventSigner.generateKey(),
      ...settings,
    };
    const quickstart = new Quickstart(port, env);
    await quickstart.restart();
    return quickstart;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Returns the paths of all files of the page. */
  get paths(): string[] {
    return this.app!.get(PageFiles).paths;
  }

  async restart(): Promise<void> {
    await this.stop();
    const module = await Test.createTestingModule({
      imports: [AppModule.with(readConfig(this.env))],
    }).compile();
    const app = module.createNestApplication({ logger: false, forceCloseConnections: true });
    this.app = app;
    app.useWebSocketAdapter(new SemanticEventsAdapter(app));
    await app.listen(this.port, '127.0.0.1');
  }

  async stop(): Promise<void> {
    await this.app?.close();
    this.app = undefined;
  }
}
