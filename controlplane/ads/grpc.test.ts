import { expect, test } from 'vitest'
import { ReadyFrames } from './grpc.ts'

const method = { path: '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources' } as never
const framed = (bytes: Buffer) => Buffer.concat([Buffer.from([0, 0, 0, 0, bytes.length]), bytes])

test('frames go out as they are when grpc-js frames as we do', () => {
  const warnings: string[] = []
  const frames = new ReadyFrames((text) => warnings.push(text))
  const call = { serializeMessage: framed }
  expect(frames.interceptor(method, call as never)).toBe(call)
  expect(frames.active).toBe(true)
  const ready = Buffer.from('ready')
  expect(call.serializeMessage(ready)).toBe(ready)
  expect(warnings).toEqual([])
})

test.each([
  ['has another name for it', {}],
  ['frames differently', { serializeMessage: (bytes: Buffer) => Buffer.concat([Buffer.from([1]), bytes]) }],
  [
    'throws',
    {
      serializeMessage: () => {
        throw new Error('no')
      },
    },
  ],
])('when grpc-js %s, it does the framing, and says so once', (_what, call) => {
  const before = (call as { serializeMessage?: unknown }).serializeMessage
  const warnings: string[] = []
  const frames = new ReadyFrames((text) => warnings.push(text))
  frames.interceptor(method, call as never)
  frames.interceptor(method, call as never)
  expect(frames.active).toBe(false)
  expect((call as { serializeMessage?: unknown }).serializeMessage).toBe(before)
  expect(warnings).toHaveLength(1)
})

test('other services on the port are left alone', () => {
  const frames = new ReadyFrames(() => {})
  const call = { serializeMessage: framed }
  frames.interceptor(
    { path: '/envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats' } as never,
    call as never,
  )
  expect(call.serializeMessage).toBe(framed)
})
