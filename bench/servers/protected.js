// A Nest application with every protection of this library.
import { UseFilters, UseGuards } from '@nestjs/common';
import { ConnectedSocket, SubscribeMessage } from '@nestjs/websockets';
import {
  AuthenticatedGuard,
  clientOf,
  EventAuthorizationGuard,
  EventData,
  RateLimit,
  SecureGateway,
  SemanticEventsExceptionFilter,
  SignedEvent,
} from 'nestjs-semantic-events';
import { INPUTS } from '../measuring/inputs.js';
import { decorateMethod } from './decorate.js';
import { flood } from './flood.js';
import { answerQuestions } from './reporting.js';
import { serve, UNLIMITED } from './serve.js';
import { settings } from './settings.js';

/**
 * Settings:
 * - `input`: the name of the handler's schema; without it the handler has none
 * - `replies`: 'signed', or 'plain': the guards of @SecureGateway without signed replies
 * - `connection`: limits of the connection
 * - `redis`: the URL of the stores
 * - `telemetry`: 'metrics' or 'all'
 */
const { input, replies = 'signed', connection, redis, telemetry } = settings();

const clients = [];

class Gateway {
  handleConnection(socket) {
    clients.push(clientOf(socket));
  }

  echo(data) {
    return replies === 'signed' ? data : { event: 'demo.echo.reply', data };
  }

  hourly() {
    return 'passed';
  }

  flood(client) {
    return flood(client, false);
  }

  patientFlood(client) {
    return flood(client, true);
  }
}

decorateMethod(
  Gateway,
  'echo',
  [RateLimit({ rate: 1e6, burst: 1e6 }), SignedEvent(), SubscribeMessage('demo.echo')],
  [input ? EventData(INPUTS[input].schema) : EventData()],
);
decorateMethod(Gateway, 'hourly', [
  RateLimit({ rate: 1, per: 3_600_000, burst: 1 }),
  SignedEvent(),
  SubscribeMessage('demo.hourly'),
]);
decorateMethod(Gateway, 'flood', [SubscribeMessage('flood')], [ConnectedSocket()]);
decorateMethod(Gateway, 'patientFlood', [SubscribeMessage('flood.patient')], [ConnectedSocket()]);

const PLAIN = [
  UseGuards(AuthenticatedGuard, EventAuthorizationGuard),
  UseFilters(SemanticEventsExceptionFilter),
];
await serve(
  Gateway,
  {
    connection: { ...UNLIMITED, ...connection },
    // Monitor as in production, but write the log nowhere.
    monitoring: {},
    telemetry: telemetry && (await import('./telemetry.js')).telemetry(telemetry),
    // Load ioredis only if it is used: it extends String, which slows down the methods of every string in V8.
    stores:
      redis &&
      (await import('nestjs-semantic-events/redis')).redisStores({ url: redis, lease: 2_000 }),
  },
  replies === 'plain' ? PLAIN : [SecureGateway()],
);
answerQuestions({
  /** Returns the number of received messages. */
  received: () => ({
    received: clients.reduce((sum, { counters }) => sum + counters.received, 0),
  }),
});
