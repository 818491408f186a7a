import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { EventData, SecureGateway, SignedEvent } from '../../lib/index.js';
import { blocksOf, fileOf } from '../helpers/code-blocks.js';
import { describeWith } from '../helpers/describe-with.js';
import { TestApp, tokenFor } from '../helpers/test-app.js';

/** Debian installs packages for its own Python only. */
const PYTHON = ['python3', '/usr/bin/python3'].find(
  name => spawnSync(name, ['-c', 'import websockets']).status === 0,
);

@WebSocketGateway({ path: '/events' })
@SecureGateway()
class EchoGateway {
  @SubscribeMessage('demo.echo')
  @SignedEvent()
  echo(@EventData() data: unknown) {
    return { echo: data };
  }
}

describeWith(
  'python3',
  PYTHON !== undefined,
  'the package websockets of Python',
)('the client in Python of docs/guides/other-languages.md', () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'python-client-'));
    const [program] = blocksOf('docs/guides/other-languages.md').filter(fileOf);
    writeFileSync(join(folder, 'client.py'), program!.code);
  });

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  const run = async (token: string, type: string, data: unknown) => {
    const app = await TestApp.start({ gateways: [EchoGateway] });
    const url = `ws://127.0.0.1:${app.port}/events`;
    const args = [join(folder, 'client.py'), url, token, type, JSON.stringify(data)];
    return promisify(execFile)(PYTHON!, args);
  };

  it('sends a signed event and verifies the signed reply', async () => {
    const data = {
      text: 'Füller “42”\n\u007f',
      list: [1, -2, null, true, {}],
      '\ud83d\ude00': '€',
    };
    const { stdout } = await run(tokenFor('alice'), 'demo.echo', data);
    expect(JSON.parse(stdout)).toEqual({ echo: data });
  });

  it.each([
    ['AUTH_FAILED', 'garbage', 'demo.echo'],
    ['UNKNOWN_EVENT', tokenFor('alice'), 'demo.other'],
  ])('receives the code %s', async (code, token, type) => {
    await expect(run(token, type, 1)).rejects.toMatchObject({
      stderr: expect.stringContaining(code),
    });
  });
});
