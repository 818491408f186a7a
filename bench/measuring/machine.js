// Describes the machine and the versions of the measured packages, which every figure depends on.
import { readFileSync } from 'node:fs';
import { cpus, loadavg, platform, release, totalmem } from 'node:os';

const PACKAGES = [
  ...['@nestjs/core', '@nestjs/platform-ws', '@nestjs/throttler', 'ws', 'socket.io', 'zod'],
  ...['rate-limiter-flexible', 'jsonwebtoken', 'jose', 'standardwebhooks', 'canonicalize'],
];

export function describeMachine() {
  const all = cpus();
  return {
    cpu: all[0]?.model ?? 'unknown',
    cores: all.length,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    'load average': loadavg().map(load => load.toFixed(2)),
    os: `${platform()} ${release()}`,
    node: process.version,
    v8: process.versions.v8,
    versions: Object.fromEntries(PACKAGES.map(name => [name, versionOf(name)])),
  };
}

function versionOf(name) {
  const path = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
  return JSON.parse(readFileSync(path, 'utf8')).version;
}
