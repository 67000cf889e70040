import type { ErrorReason } from '../../codecs/contract.ts'

/** What an error reply says, in protocols whose replies carry a text. */
export const errorText: Readonly<Record<ErrorReason, string>> = {
  noRoute: 'no route for this message',
  noUpstream: 'no healthy upstream',
  connectFailed: 'upstream connect failure',
  upstreamClosed: 'upstream closed the connection before it answered',
  timeout: 'upstream request timeout',
  overflow: 'too many requests in flight',
  rateLimited: 'rate limited',
  fault: 'fault injected',
  draining: 'the proxy is shutting down',
  badRequest: 'the request cannot be forwarded',
}
