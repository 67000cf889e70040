import { randomBytes } from 'node:crypto'
import type { Codec } from '../../codecs/contract.ts'
import type { TracingConfig } from '../configuration.ts'
import { Sampler } from '../filters/sampler.ts'
import { type TraceContext, traceOf } from './context.ts'
import { type ExportCounters, type Span, SpanExporter } from './exporter.ts'

/** A request's trace and its own span in it. */
export interface ActiveSpan {
  readonly context: TraceContext
  readonly spanId: string
}

/** What all tracers of this process sent and lost. */
export const exportCounters: ExportCounters = { exported: 0, dropped: 0 }

/** Decides which requests of a listener have a span: those whose sender records them, and a share of those that do not say. */
export class Tracer {
  readonly #codec: Codec
  readonly #sample: Sampler
  readonly #exporter: SpanExporter

  /** @throws TypeError when the endpoint is no URL */
  constructor(codec: Codec, { endpoint, sampling }: TracingConfig) {
    this.#codec = codec
    this.#sample = new Sampler(sampling)
    this.#exporter = new SpanExporter(endpoint, exportCounters)
  }

  /** A span for a message; null when it is not sampled, by its own word or by our share. */
  begin(b: Uint8Array, at: number, length: number): ActiveSpan | null {
    const found = traceOf(this.#codec, b, at, length)
    if (found?.sampled === false) return null
    if (found?.sampled === undefined && !this.#sample.take()) return null
    const context = found ?? { traceId: randomBytes(16).toString('hex') }
    return { context, spanId: randomBytes(8).toString('hex') }
  }

  /** The message has its outcome: its span is sent. */
  end(span: ActiveSpan, rest: Omit<Span, 'traceId' | 'spanId' | 'parentSpanId'>): void {
    const { traceId, parentSpanId } = span.context
    this.#exporter.add({ traceId, spanId: span.spanId, ...(parentSpanId && { parentSpanId }), ...rest })
  }

  /** Resolves when spans that wait are sent. */
  close(): Promise<void> {
    return this.#exporter.close()
  }
}
