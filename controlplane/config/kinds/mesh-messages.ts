import * as z from 'zod'
import { message, optional, required } from '../schema.ts'
import { bool, duration, durationOrZero, strings, text } from '../syntax/values.ts'
import { percent } from './common.ts'

const count = z.number().int().min(1).max(4_294_967_295)

const accessLog = message({
  path: optional(text.min(1), 'File the log goes to, one JSON object a line.', { default: '/dev/stdout' }),
  percentage: optional(percent, 'Part of messages that are logged.', { default: '100' }),
  sampleErrors: optional(bool, 'Failed requests are left to the sampling too, instead of being logged always.', {
    default: 'false',
  }),
  fields: optional(strings, 'Fields of the protocol to log by name; those it does not have are left out.'),
})

const httpUrl = text.refine(
  (url) => /^https?:/.test(url) && URL.canParse(url),
  'must be an http(s) URL, as http://collector:4318',
)

const tracing = message({
  endpoint: required(
    httpUrl,
    'URL of a collector that takes OTLP/HTTP with JSON; without a path, `/v1/traces` is meant.',
  ),
  percentage: optional(
    percent,
    'Part of requests with a span, among those whose message does not say whether its sender records it.',
    { default: '1' },
  ),
})

const heartbeat = message({
  interval: required(duration, 'Time between pings.'),
  timeout: optional(duration, 'Any frame within this time counts as the answer.', { default: 'the interval' }),
  misses: optional(count, 'Unanswered pings in a row before the connection is closed and its host gets no requests.', {
    default: '3',
  }),
})

const highPriority = message({
  maxConnections: optional(count, 'Most connections to a service.', { default: '1024' }),
  maxPendingRequests: optional(count, 'Most messages that wait for a connection.', { default: '1024' }),
  maxRequests: optional(count, 'Most messages in flight.', { default: '1024' }),
  maxRetries: optional(count, 'Most retries in flight.', { default: '3' }),
})

/** What message proxies do on all their listeners and with all their upstreams. */
export const meshMessages = message({
  accessLog: optional(accessLog, 'Access log of messages.', { default: 'none' }),
  tracing: optional(
    tracing,
    'Spans of requests; a message whose `traceparent` is sampled has one always, one that is not never.',
    { default: 'none' },
  ),
  maxConnections: optional(count, 'Client connections of one listener and worker; more are closed at once.', {
    default: '65536',
  }),
  maxRequestsPerConnection: optional(count, 'Requests of one client in flight; above it the client is not read.', {
    default: '1024',
  }),
  bufferLimit: optional(count, 'Bytes that may wait for a slow client before its requests are no longer read.', {
    default: '1048576',
  }),
  idleTimeout: optional(durationOrZero, 'A client without traffic for so long is closed; 0s: never.', {
    default: '1h',
  }),
  frameTimeout: optional(duration, 'A frame that began must be whole after so long.', { default: '10s' }),
  requestTimeout: optional(
    durationOrZero,
    'Longest time for a reply where neither route nor message says one; 0s: none.',
    { default: '15s' },
  ),
  upstream: optional(
    message({
      connectionsPerHost: optional(count, 'Shared connections of a worker to one host.', { default: '2' }),
      minConnections: optional(
        count,
        'Connections that each worker holds open to each endpoint from its arrival on, so that no message waits for one. Shared and ' +
          'exclusive connections only; of shared ones not more than connectionsPerHost.',
        { default: 'none, a connection is opened when a message needs it' },
      ),
      highPriority: optional(highPriority, 'Circuit breakers for messages of rules with `highPriority: true`.', {
        default: '1024 each, 3 retries',
      }),
      idleTimeout: optional(durationOrZero, 'Unused connections are closed after so long; 0s: never.', {
        default: '1m',
      }),
      heartbeat: optional(heartbeat, 'Pings to upstreams, where the protocol has one.', { default: 'none' }),
    }),
    'Connections to endpoints.',
  ),
})
export type MeshMessages = z.infer<typeof meshMessages>
