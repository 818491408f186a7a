import { createHash } from 'node:crypto';

/** A Lua script with its SHA-1 digest, by which Redis identifies it. */
export class Script {
  readonly sha: string;

  constructor(readonly lua: string) {
    this.sha = createHash('sha1').update(lua).digest('hex');
  }
}
