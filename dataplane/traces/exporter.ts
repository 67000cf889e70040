/** A finished span. Times are ms since 1970. */
export interface Span {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly startMs: number
  readonly endMs: number
  readonly failed: boolean
  readonly attributes: Readonly<Record<string, string | number | undefined>>
}

/** Spans that wait at most; more are dropped. */
const mostWaiting = 4096
const mostAtOnce = 512
const everyMs = 1000
/** A collector that takes longer loses the batch. */
const timeoutMs = 5000

export interface ExportCounters {
  exported: number
  /** No place in the queue, or a collector that did not take them. */
  dropped: number
}

/**
 * Sends spans to a collector by OTLP/HTTP as JSON, in batches, one at a time. Never waited for.
 * @see https://opentelemetry.io/docs/specs/otlp/#otlphttp
 */
export class SpanExporter {
  readonly #url: string
  readonly #counters: ExportCounters
  #waiting: Span[] = []
  #timer: NodeJS.Timeout | undefined
  #sending = false
  #sent: Promise<void> = Promise.resolve()
  #closing = false

  /** @param endpoint an http(s) URL; `/v1/traces` is added to one without a path */
  constructor(endpoint: string, counters: ExportCounters) {
    const url = new URL(endpoint)
    if (url.pathname === '/' || url.pathname === '') url.pathname = '/v1/traces'
    this.#url = url.href
    this.#counters = counters
  }

  /** Sends a span soon; one for which there is no room is dropped and counted. */
  add(span: Span): void {
    if (this.#waiting.length >= mostWaiting) {
      this.#counters.dropped++
      return
    }
    this.#waiting.push(span)
    if (this.#waiting.length >= mostAtOnce) this.flush()
    else this.#wait()
  }

  #wait(): void {
    this.#timer ??= setTimeout(() => this.flush(), everyMs).unref()
  }

  /** Sends what waits, unless something is on its way. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (!this.#sending && this.#waiting.length > 0) this.#sent = this.#send()
  }

  /** Sends all that waits, batch after batch; a collector that does not take one gets no more of them. Resolves when that is done. */
  async close(): Promise<void> {
    this.#closing = true
    this.flush()
    await this.#sent
  }

  async #send(): Promise<void> {
    this.#sending = true
    do {
      const spans = this.#waiting.splice(0, mostAtOnce)
      const taken = await this.#post(spans)
      this.#counters[taken ? 'exported' : 'dropped'] += spans.length
      if (this.#closing && !taken) this.#counters.dropped += this.#waiting.splice(0).length
    } while (this.#waiting.length >= (this.#closing ? 1 : mostAtOnce))
    this.#sending = false
    if (this.#waiting.length > 0) this.#wait()
  }

  async #post(spans: readonly Span[]): Promise<boolean> {
    try {
      const response = await fetch(this.#url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(otlp(spans)),
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
      })
      await response.body?.cancel()
      return response.ok
    } catch {
      // Counted as dropped by the caller: a collector that is away is nobody's error here.
      return false
    }
  }
}

/** An ExportTraceServiceRequest. @see https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto */
function otlp(spans: readonly Span[]) {
  return {
    resourceSpans: [
      {
        resource: { attributes: [{ key: 'service.name', value: { stringValue: 'meshgate-message-proxy' } }] },
        scopeSpans: [{ scope: { name: 'meshgate' }, spans: spans.map(plainSpan) }],
      },
    ],
  }
}

const spanKindServer = 2
const statusError = 2

function plainSpan({ traceId, spanId, parentSpanId, name, startMs, endMs, failed, attributes }: Span) {
  return {
    traceId,
    spanId,
    ...(parentSpanId && { parentSpanId }),
    name,
    kind: spanKindServer,
    startTimeUnixNano: nanos(startMs),
    endTimeUnixNano: nanos(endMs),
    attributes: Object.entries(attributes).flatMap(([key, value]) => {
      if (value === undefined) return []
      return [{ key, value: typeof value === 'number' ? { intValue: String(value) } : { stringValue: value } }]
    }),
    ...(failed && { status: { code: statusError } }),
  }
}

/** ns since 1970 as text, since a double has no room for them. */
function nanos(ms: number): string {
  return String(BigInt(Math.round(ms * 1000)) * 1000n)
}
