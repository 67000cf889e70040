import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { expect, it } from 'vitest'
import { MessageListenerSchema, UpstreamGone } from '../../proto/gen/meshgate/v1/message_listener_pb.ts'
import { ConnectionMode } from '../../proto/gen/meshgate/v1/message_route_pb.ts'
import { duration } from '../../proto/make.ts'
import type { ListenerConfig } from '../configuration.ts'
import { readListener } from './listener.ts'

type Listener = Exclude<MessageInitShape<typeof MessageListenerSchema>, { readonly $typeName: string }>

const pipe = { address: { case: 'pipe', value: { path: '/run/l' } } } as const
const least = { name: 'l', protocol: 'game', routeTable: 't', address: pipe }
const read = (more: Listener) => readListener(create(MessageListenerSchema, { ...least, ...more })).config

it('a listener that says no more than it must leaves everything else to the proxy', () => {
  expect(read({})).toEqual({ name: 'l', address: { path: '/run/l' }, protocol: 'game', routes: 't' })
})

it.each<[string, Listener, Partial<ListenerConfig>]>([
  ['PROXY headers', { useProxyProto: true }, { proxyProtocol: true }],
  ['heartbeats that pass', { forwardHeartbeats: true }, { heartbeat: 'forward' }],
  ['a name in metrics', { statPrefix: 'edge' }, { statPrefix: 'edge' }],
  ['a mode', { connectionMode: ConnectionMode.SHARED }, { mode: 'shared' }],
  ['clients that stay without their upstream', { upstreamGone: UpstreamGone.REBIND }, { upstreamGone: 'rebind' }],
  ['clients that go with their upstream', { upstreamGone: UpstreamGone.CLOSE }, { upstreamGone: 'close' }],
  [
    'times',
    { requestTimeout: duration(0), idleTimeout: duration(10), frameTimeout: duration(20) },
    { requestTimeoutMs: 0, idleTimeoutMs: 10, frameTimeoutMs: 20 },
  ],
  [
    'limits',
    { maxConnections: 0, maxRequestsPerConnection: 2, perConnectionBufferLimitBytes: 3 },
    { maxConnections: 0, maxRequestsPerConnection: 2, bufferLimitBytes: 3 },
  ],
  [
    'traces',
    { tracing: { endpoint: 'http://c:4318', sampledMillionths: 20_000 } },
    { tracing: { endpoint: 'http://c:4318', sampling: 2 } },
  ],
  [
    'a log of a part, with every error',
    { accessLog: { sampledMillionths: 500_000, path: '/dev/stdout' } },
    { accessLog: { sampling: 50, errors: true } },
  ],
  [
    'a log in a file with fields, errors as rare as the rest',
    { accessLog: { sampledMillionths: 10_000, sampleErrors: true, path: '/log', fields: ['uid'] } },
    { accessLog: { sampling: 1, errors: false, path: '/log', fields: ['uid'] } },
  ],
])('a listener has %s', (_, listener, config) => {
  expect(read(listener)).toEqual({ ...read({}), ...config })
})

it.each<[Listener, string]>([
  [{ protocol: '' }, 'protocol: the name of the protocol is empty'],
  [{ routeTable: '' }, 'route_table: the name of the route table is empty'],
  [{ tracing: { endpoint: 'c:4318' } }, 'tracing.endpoint: must be an http(s) URL'],
  [{ tracing: { endpoint: 'http//c' } }, 'tracing.endpoint: must be an http(s) URL'],
])('what cannot be meant is refused by the name of its field: %#', (listener, reason) => {
  expect(() => read(listener)).toThrow(reason)
})
