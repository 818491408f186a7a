import type { IoAdapter } from '@nestjs/platform-socket.io';

// What socket.io exports, by what Nest hands on of it: only @nestjs/platform-socket.io is installed beside us.
export type IoServer = ReturnType<IoAdapter['createIOServer']>;
export type IoOptions = NonNullable<Parameters<IoAdapter['createIOServer']>[1]>;
export type IoHandlers = Parameters<IoAdapter['bindMessageHandlers']>[1];
export type Transform = Parameters<IoAdapter['bindMessageHandlers']>[2];
/** What a client has in one namespace. */
export type IoSocket = Parameters<IoAdapter['bindMessageHandlers']>[0];
export type IoNamespace = IoSocket['nsp'];
/** What carries all sockets of a client. */
export type EngineConnection = IoSocket['conn'];
export type EngineServer = IoServer['engine'];
