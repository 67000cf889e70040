import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { type GrpcOptions, takeRawStreams } from './grpc.ts'
import { DEFAULT_LIMITS } from './limits.ts'
import { percentCoded } from './raw-stream.ts'

const ADS = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources'

function fixture(handler: unknown) {
  const opened: string[] = []
  const warnings: string[] = []
  const left: unknown[] = []
  const options: GrpcOptions = {
    limits: DEFAULT_LIMITS,
    peer: (address) => ({ address, local: true, identities: undefined }),
    destroy: () => {},
    open: (method) => {
      opened.push(method.form)
      return { message: () => {}, closed: () => {} }
    },
    services: [],
    warn: (text) => warnings.push(text),
  }
  const server = { _streamHandler: handler ?? ((_: unknown, __: unknown, headers: unknown) => left.push(headers)) }
  takeRawStreams(server, options)
  const call = (headers: Record<string, string>) =>
    (server._streamHandler as (a: unknown, b: unknown, c: unknown) => void)([], new EventEmitter(), headers)
  return { opened, warnings, left, server, call }
}

test('calls of discovery services are taken as bare streams', () => {
  const { call, opened, left, warnings } = fixture(undefined)
  call({ ':path': ADS, 'content-type': 'application/grpc' })
  call({ ':path': ADS, 'content-type': 'application/grpc+proto', 'grpc-encoding': 'identity' })
  expect(opened).toEqual(['delta', 'delta'])
  expect(left).toEqual([])
  expect(warnings).toEqual([])
})

test.each([
  [
    'other services',
    {
      ':path': '/envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats',
      'content-type': 'application/grpc',
    },
  ],
  ['compressed messages', { ':path': ADS, 'content-type': 'application/grpc', 'grpc-encoding': 'gzip' }],
  ['deadlines', { ':path': ADS, 'content-type': 'application/grpc', 'grpc-timeout': '5S' }],
  ['what is no gRPC', { ':path': ADS, 'content-type': 'text/plain' }],
])('grpc-js is left %s', (_what, headers) => {
  const { call, opened, left } = fixture(undefined)
  call(headers)
  expect(opened).toEqual([])
  expect(left).toEqual([headers])
})

test.each([
  ['has no such function', 'none'],
  ['gives it other arguments', (stream: unknown) => stream],
])('when grpc-js %s, it serves everything, and that is said once', (_what, handler) => {
  const { warnings, server } = fixture(handler)
  expect(server._streamHandler).toBe(handler)
  expect(warnings).toHaveLength(1)
})

test.each([
  ['plain', 'plain'],
  ['100% ü', '100%25 %C3%BC'],
  ['two\nlines', 'two%0Alines'],
  ['half \ud800 a pair', 'half %EF%BF%BD a pair'],
])('grpc-message of %j', (text, coded) => {
  expect(percentCoded(text)).toBe(coded)
})
