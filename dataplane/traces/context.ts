import { type Codec, emptyRef } from '../../codecs/contract.ts'

/** What a frame says of its trace. Ids are lower-case hex. */
export interface TraceContext {
  readonly traceId: string
  /** Span of whoever sent the message; absent where the protocol has room for the trace alone. */
  readonly parentSpanId?: string
  /** Whether the sender records it; absent when the frame does not say. */
  readonly sampled?: boolean
}

/** Later versions may have more behind the flags. @see https://www.w3.org/TR/trace-context/#versioning-of-traceparent */
const traceparent = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/
const none = /^0+$/
const ref = emptyRef()

/** The trace of a frame by the codec's `trace` field; undefined without one, or when what stands there is none. */
export function traceOf(codec: Codec, b: Uint8Array, at: number, length: number): TraceContext | undefined {
  const slot = codec.trace ?? -1
  if (slot < 0 || !codec.read(slot, b, at, length, ref)) return undefined
  // Neither too short nor too long to be worth a look: a field may hold anything.
  const size = ref.end - ref.start
  if (size < 16 || size > 256) return undefined
  const value = codec.field(slot, b, at, length)
  if (typeof value === 'string') return parseTrace(value)
  if (!(value instanceof Uint8Array)) return undefined
  if (value.length === 16) return onlyTrace(Buffer.from(value).toString('hex'))
  return parseTrace(Buffer.from(value).toString('latin1'))
}

/** A `traceparent`, or the 32 hex digits of a trace id alone. @see https://www.w3.org/TR/trace-context/#traceparent-header */
function parseTrace(text: string): TraceContext | undefined {
  if (/^[\da-f]{32}$/i.test(text)) return onlyTrace(text.toLowerCase())
  const [, version = '', traceId = '', parentSpanId = '', flags = '', more] = traceparent.exec(text) ?? []
  if (version === '' || version === 'ff' || (version === '00' && more !== undefined)) return undefined
  if (none.test(traceId) || none.test(parentSpanId)) return undefined
  return { traceId, parentSpanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 }
}

function onlyTrace(traceId: string): TraceContext | undefined {
  return none.test(traceId) ? undefined : { traceId }
}
