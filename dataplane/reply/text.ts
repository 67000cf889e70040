import type { Codec, ErrorReason } from '../../codecs/contract.ts'

/** What an error reply says, in protocols whose replies carry a text. */
export const replyTexts: Readonly<Record<ErrorReason, string>> = {
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

const reported = new WeakMap<Codec, number>()
const mostReports = 10

/** Says on standard error that a codec threw; the first times only, since whoever sends such bytes may send many. */
export function reportCodecError(codec: Codec, error: unknown): void {
  const count = (reported.get(codec) ?? 0) + 1
  reported.set(codec, count)
  if (count > mostReports) return
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  process.stderr.write(`codec ${codec.name} threw: ${text}\n`)
}
