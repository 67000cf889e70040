import { createWriteStream, type WriteStream } from 'node:fs'
import type { Codec, ErrorReason } from '../../codecs/contract.ts'
import type { AccessLogConfig } from '../configuration.ts'
import type { Client } from '../listen/client.ts'
import { reportCodecError } from '../reply/text.ts'
import type { CompiledRoute } from '../route/compile.ts'
import { traceOf } from '../traces/context.ts'
import type { ActiveSpan } from '../traces/tracer.ts'
import { clock } from '../turn.ts'
import { type ActiveRequest, LOGGED } from '../upstream/requests.ts'
import { TokenBucket } from './rate-limit.ts'
import { Sampler } from './sampler.ts'

/** Where lines go; anything with a `write`. */
export interface LogSink {
  write(text: string): unknown
  /** Resolves when all is written. */
  end?(): Promise<void>
  readonly writableLength?: number
}

/** Lines are dropped while so many bytes wait: a full disk must not stop messages. */
const mostWaiting = 4 * 1024 * 1024
/** Lines are written together, since a write to a file goes to another thread and back: after so long, in ms, or when they are so many bytes. */
const flushMs = 200
const flushBytes = 64 * 1024
const refusalLines = { maxTokens: 100, tokensPerFill: 100, fillIntervalMs: 1000 }

/** Sampled requests as JSON, one a line. */
export class AccessLog {
  /** Which requests are logged, whatever their outcome. */
  readonly sample: Sampler
  readonly errors: boolean
  /** Lines for requests that were turned away. */
  readonly refusals = new TokenBucket(refusalLines, clock.now)
  readonly #slots: readonly { readonly name: string; readonly slot: number }[]
  readonly #sink: LogSink
  #lines = ''
  #timer: NodeJS.Timeout | undefined
  dropped = 0

  constructor(codec: Codec, config: AccessLogConfig, sink: LogSink = openSink(config.path)) {
    this.sample = new Sampler(config.sampling)
    this.errors = config.errors ?? true
    this.#slots = (config.fields ?? [])
      .map((name) => ({ name, slot: codec.slot(name) }))
      .filter(({ slot }) => slot >= 0)
    this.#sink = sink
  }

  /** What a line says of the request's frame: its trace, and its fields by name, integers of 64 bits as text. Without what a codec threw at. */
  frame(codec: Codec, span: ActiveSpan | null, b: Uint8Array, at: number, length: number): Record<string, unknown> {
    try {
      const trace = span?.context ?? traceOf(codec, b, at, length)
      return {
        ...(trace && { trace_id: trace.traceId, parent_span_id: trace.parentSpanId, span_id: span?.spanId }),
        ...this.#fields(codec, b, at, length),
      }
    } catch (error) {
      // A line may be written in a timer, or while another connection is read.
      reportCodecError(codec, error)
      return {}
    }
  }

  #fields(codec: Codec, b: Uint8Array, at: number, length: number): Record<string, unknown> {
    const values: Record<string, unknown> = {}
    for (const { name, slot } of this.#slots) {
      const value = codec.field(slot, b, at, length)
      if (value === undefined) continue
      values[name] =
        typeof value === 'bigint'
          ? String(value)
          : value instanceof Uint8Array
            ? Buffer.from(value).toString('hex')
            : value
    }
    return values
  }

  /** Writes a line soon; one that comes while too much waits to be written is dropped and counted. */
  write(entry: Readonly<Record<string, unknown>>): void {
    if ((this.#sink.writableLength ?? 0) > mostWaiting) {
      this.dropped++
      return
    }
    this.#lines += `${JSON.stringify(entry)}\n`
    if (this.#lines.length >= flushBytes) this.flush()
    else this.#timer ??= setTimeout(() => this.flush(), flushMs)
  }

  /** Writes what waits. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const lines = this.#lines
    this.#lines = ''
    if (lines !== '') this.#sink.write(lines)
  }

  /** Resolves when its lines are written. */
  async close(): Promise<void> {
    this.flush()
    await this.#sink.end?.()
  }
}

function openSink(path: string | undefined): LogSink {
  if (path === undefined || path === '/dev/stdout') return { write: (text) => process.stdout.write(text) }
  if (path === '/dev/stderr') return { write: (text) => process.stderr.write(text) }
  const stream: WriteStream = createWriteStream(path, { flags: 'a' })
  stream.on('error', (error) => {
    process.stderr.write(`access log ${path}: ${error.message}; its lines are dropped\n`)
    stream.destroy()
  })
  return {
    write: (text) => !stream.destroyed && stream.write(text),
    // With an error that was told above, too.
    end: () => new Promise((resolve) => stream.end(() => resolve())),
    get writableLength() {
      return stream.writableLength
    },
  }
}

/** What log and span say of a request. */
type Logged = Readonly<
  Pick<
    ActiveRequest,
    | 'client'
    | 'bytes'
    | 'at'
    | 'length'
    | 'route'
    | 'cluster'
    | 'host'
    | 'span'
    | 'started'
    | 'tries'
    | 'flags'
    | 'parts'
  >
>

/**
 * Logs and traces a request that was turned away before it became one. Beside the sample so many lines a second are written and no more: a flood
 * that is turned away must not cost more than one that is served.
 */
export function logRefusal(
  client: Client,
  route: CompiledRoute | null,
  bytes: Uint8Array,
  at: number,
  length: number,
  reason: ErrorReason | 'reply',
): void {
  const { accessLog: log, tracer } = client.listener
  const span = tracer?.begin(bytes, at, length) ?? null
  const failed = reason !== 'reply'
  const logged = log !== undefined && (log.sample.take() || (failed && log.errors && log.refusals.take(clock.now)))
  if (!span && !logged) return
  const flags = logged ? LOGGED : 0
  const nowhere = { cluster: null, host: null, parts: null, tries: -1, started: clock.now }
  writeRequest({ client, route, bytes, at, length, span, flags, ...nowhere }, reason, 0, logged)
}

/** Outcomes that are no failure. */
const wanted: ReadonlySet<string> = new Set(['ok', 'oneway', 'reply', 'cancelled'])

/** Logs a request at its outcome and ends its span; the request must not be released yet. `replyBytes` is the length of the reply (of its last frame, where it had several), `status` its code. */
export function logRequest(
  request: ActiveRequest,
  outcome: 'ok' | 'error' | 'oneway' | 'cancelled' | ErrorReason,
  replyBytes: number,
  status = 0,
): void {
  const log = request.client!.listener.accessLog
  const failed = !wanted.has(outcome)
  writeRequest(request, outcome, replyBytes, (request.flags & LOGGED) !== 0 || (failed && log?.errors === true), status)
}

function writeRequest(
  request: Logged,
  outcome: 'ok' | 'error' | 'oneway' | 'reply' | 'cancelled' | ErrorReason,
  lastBytes: number,
  logged: boolean,
  status = 0,
): void {
  const client = request.client!
  const { bytes, route, host, parts } = request
  const replyBytes = lastBytes + (parts?.bytes ?? 0)
  const { accessLog: log, tracer } = client.listener
  const { span } = request
  const failed = !wanted.has(outcome)
  if (span && tracer) {
    tracer.end(span, {
      name: route?.name ?? client.codec.name,
      startMs: performance.timeOrigin + request.started,
      endMs: performance.timeOrigin + clock.now,
      failed,
      attributes: {
        'rpc.system': client.codec.name,
        'meshgate.listener': client.listener.name,
        'meshgate.outcome': outcome,
        'meshgate.tries': request.tries + 1,
        upstream_cluster: request.cluster?.name,
        upstream_address: host?.key,
        request_size: request.length,
        response_size: replyBytes,
      },
    })
  }
  if (!log || !logged) return
  log.write({
    time: new Date().toISOString(),
    listener: client.listener.name,
    client: client.addresses ? `${client.addresses.source.host}:${client.addresses.source.port}` : undefined,
    route: route?.name,
    cluster: request.cluster?.name,
    host: host?.key,
    outcome,
    ...(status !== 0 && { status }),
    ...(outcome === 'connectFailed' && { failure: host?.lastFailure?.reason }),
    tries: request.tries + 1,
    duration_ms: Math.round((clock.now - request.started) * 1000) / 1000,
    request_bytes: request.length,
    reply_bytes: replyBytes,
    ...(parts && { reply_frames: parts.frames + (lastBytes > 0 ? 1 : 0) }),
    ...log.frame(client.codec, span, bytes, request.at, request.length),
  })
}
