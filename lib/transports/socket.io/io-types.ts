import type { IoAdapter } from '@nestjs/platform-socket.io';

// These types are derived from Nest's, because only @nestjs/platform-socket.io is a peer dependency.
export type IoServer = ReturnType<IoAdapter['createIOServer']>;
export type IoOptions = NonNullable<Parameters<IoAdapter['createIOServer']>[1]>;
export type IoHandlers = Parameters<IoAdapter['bindMessageHandlers']>[1];
export type Transform = Parameters<IoAdapter['bindMessageHandlers']>[2];
/** The socket of a client in one namespace. */
export type IoSocket = Parameters<IoAdapter['bindMessageHandlers']>[0];
export type IoNamespace = IoSocket['nsp'];
/** The connection that all sockets of a client share. */
export type EngineConnection = IoSocket['conn'];
export type EngineServer = IoServer['engine'];
