import { createHash } from 'node:crypto';

/** A Lua script, by the digest Redis knows it by. */
export class Script {
  readonly sha: string;

  constructor(readonly lua: string) {
    this.sha = createHash('sha1').update(lua).digest('hex');
  }
}
