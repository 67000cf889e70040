import { readFileSync } from 'node:fs'
import { afterEach, expect, it, vi } from 'vitest'
import { parse } from 'yaml'
import { protocolFile } from '../../codecs/load.ts'
import type { TracingConfig } from '../../dataplane/configuration.ts'
import { AccessLog } from '../../dataplane/filters/access-log.ts'
import { SpanExporter } from '../../dataplane/traces/exporter.ts'
import { exportCounters } from '../../dataplane/traces/tracer.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { collector } from './collector.ts'
import { Bed, byId, endpoints, gameConfiguration, Kind } from './game.ts'

const bed = new Bed()
afterEach(() => bed.close())

const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
const parent = '00f067aa0ba902b7'
const traceparent = (flags: string) => `00-${trace}-${parent}-${flags}`

/** The game with the trace in its body. */
async function tracedProxy(tracing?: TracingConfig, percent = 100) {
  const server = await bed.server('a')
  const { spec } = parse(readFileSync(protocolFile('game'), 'utf8')) as { readonly spec: object }
  const base = gameConfiguration({
    protocols: [{ name: 'game', layout: { ...spec, trace: 'body' } }],
    routes: [
      { name: 'game', routes: [byId(1, 'a'), byId(2, 'gone'), byId(3, 'a', { fault: { abort: { percent: 100 } } })] },
    ],
    clusters: [{ name: 'a', localities: endpoints(server.port), balancer: { kind: 'roundRobin' } }],
  })
  const listeners = base.listeners.map((listener) => ({ ...listener, ...(tracing && { tracing }) }))
  const proxy = await bed.proxy({ ...base, listeners })
  const lines: Record<string, unknown>[] = []
  const [listener] = proxy.listeners
  listener!.accessLog = new AccessLog(
    listener!.codec,
    { sampling: percent },
    {
      write: (text) =>
        lines.push(
          ...text
            .trim()
            .split('\n')
            .map((line) => JSON.parse(line)),
        ),
    },
  )
  return { proxy, client: bed.client(proxy), lines, server }
}

it('trace and parent span of a message are in the access log; a body that is no trace leaves them out', async () => {
  const { client, lines, server } = await tracedProxy()
  await client.ask({ msgid: 1, seq: 1, body: traceparent('01') })
  await client.ask({ msgid: 1, seq: 2, body: Buffer.from(trace, 'hex') })
  await client.ask({ msgid: 1, seq: 3, body: `00-${'0'.repeat(32)}-${parent}-01` })
  await comesTrue(() => lines.length === 3)
  expect(lines[0]).toMatchObject({ trace_id: trace, parent_span_id: parent })
  expect(lines[1]).toMatchObject({ trace_id: trace })
  expect(lines[1]).not.toHaveProperty('parent_span_id')
  expect(lines[2]).not.toHaveProperty('trace_id')
  expect(server.frames.map(({ body }) => body.toString('latin1'))[0]).toBe(traceparent('01'))
})

it('a sampled parent has a span always, one that is not never; others by percentage', async () => {
  const { endpoint, spans, paths } = await collector(bed)
  const { client, lines } = await tracedProxy({ endpoint, sampling: 0 })
  await client.ask({ msgid: 1, seq: 1, body: traceparent('00') })
  await client.ask({ msgid: 1, seq: 2, body: 'none' })
  await client.ask({ msgid: 1, seq: 3, body: traceparent('01') })
  client.send({ kind: Kind.oneway, msgid: 1, body: traceparent('01') })
  await client.ask({ msgid: 2, seq: 4, body: traceparent('01') })
  await comesTrue(() => spans.length === 3)
  expect(paths[0]).toBe('POST /v1/traces application/json')
  for (const span of spans) expect(span).toMatchObject({ traceId: trace, parentSpanId: parent })
  expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(3)
  expect(spans.filter(({ status }) => status?.code === 2)).toHaveLength(1)
  for (const { startTimeUnixNano, endTimeUnixNano } of spans) {
    expect(Math.abs(Number(BigInt(startTimeUnixNano) / 1_000_000n) - Date.now())).toBeLessThan(120_000)
    expect(BigInt(endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(startTimeUnixNano))
  }
  await comesTrue(() => lines.length === 5)
  const logged = lines.flatMap(({ span_id: id }) => id ?? [])
  expect([...logged].sort()).toEqual(spans.map(({ spanId }) => spanId).sort())
})

it('requests that are turned away have a line and a span too; a flood of them has 100 lines a second', async () => {
  const { endpoint, spans } = await collector(bed)
  const { client, lines } = await tracedProxy({ endpoint, sampling: 0 }, 0)
  await client.ask({ msgid: 9, seq: 1, body: traceparent('01') })
  await client.ask({ msgid: 9, seq: 2, body: traceparent('00') })
  await client.ask({ msgid: 3, seq: 3, body: traceparent('01') })
  await comesTrue(() => spans.length === 2)
  for (const span of spans) expect(span).toMatchObject({ traceId: trace, parentSpanId: parent, status: { code: 2 } })
  await comesTrue(() => lines.length === 3)
  expect(lines[0]).toMatchObject({ outcome: 'noRoute', trace_id: trace, span_id: spans[0]!.spanId })
  expect(lines[2]).toMatchObject({ outcome: 'fault', route: '3' })
  for (let seq = 0; seq < 2000; seq++) client.send({ msgid: 9, seq })
  await client.receive(2003)
  await comesTrue(() => lines.length >= 100)
  expect(lines.length).toBeLessThan(2000)
})

it('without a parent the share of the configuration has a trace of its own', async () => {
  const { endpoint, spans } = await collector(bed)
  const { client } = await tracedProxy({ endpoint: `${endpoint}/own/path`, sampling: 100 })
  await client.ask({ msgid: 1, seq: 1 })
  await comesTrue(() => spans.length === 1)
  expect(spans[0]!.traceId).toMatch(/^[\da-f]{32}$/)
  expect(spans[0]).not.toHaveProperty('parentSpanId')
})

it('a collector that is away or says no costs spans, which are counted, and no message', async () => {
  for (const endpoint of ['http://127.0.0.1:1', (await collector(bed, 503)).endpoint]) {
    const { dropped } = exportCounters
    const { client } = await tracedProxy({ endpoint, sampling: 100 })
    for (let seq = 0; seq < 6000; seq++) client.send({ msgid: 1, seq })
    await client.receive(6000)
    await comesTrue(() => exportCounters.dropped >= dropped + 1000)
  }
})

const span = { traceId: trace, spanId: parent, name: 'x', startMs: 0, endMs: 1, failed: false, attributes: {} }

it('what waits when a proxy ends is sent, however many batches it is, without waiting for a clock that may stop with the process', async () => {
  const many = 1500
  const arrived = collectorOf(many)
  const { endpoint } = await collector(bed, 200, arrived.take)
  // The clock of the next batch never rings.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    const counters = { exported: 0, dropped: 0 }
    const exporter = new SpanExporter(endpoint, counters)
    for (let n = 0; n < many; n++) exporter.add(span)
    exporter.close()
    await arrived.all
  } finally {
    vi.useRealTimers()
  }
})

it('a collector that does not take a batch when a proxy ends gets no other: all are counted as dropped', async () => {
  const { endpoint, paths } = await collector(bed, 503)
  const counters = { exported: 0, dropped: 0 }
  const exporter = new SpanExporter(endpoint, counters)
  for (let n = 0; n < 1500; n++) exporter.add(span)
  exporter.close()
  await comesTrue(() => counters.dropped === 1500)
  expect(paths).toHaveLength(1)
})

/** Resolves when so many spans have come. */
function collectorOf(count: number) {
  let left = count
  let done: (value?: unknown) => void
  const all = new Promise((resolve) => {
    done = resolve
  })
  return {
    all,
    take: (spans: number) => {
      left -= spans
      if (left === 0) done()
    },
  }
}
