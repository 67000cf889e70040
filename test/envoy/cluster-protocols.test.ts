import { connect } from 'node:http2'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startEcho, type Upstream } from '../helpers/echo.ts'
import { until } from '../helpers/eventually.ts'
import { gate } from '../helpers/gate.ts'
import { type ClusterBed, clusterOf, MODES, many, rule, service, startClusterBed } from './cluster-bed.ts'

let a: Upstream

beforeAll(async () => {
  a = await startEcho('a')
})

describe.each(MODES)('HTTP versions in Envoy, %s', (mode) => {
  let bed: ClusterBed

  beforeAll(async () => {
    bed = await startClusterBed(
      mode,
      [
        service('plain', [a]),
        service('http2', [a], { protocol: 'http2' }),
        service('grpc', [a], { protocol: 'grpc' }),
        service('upgraded', [a]),
        rule(
          'upgraded',
          '{connectionPool: {http: {h2UpgradePolicy: UPGRADE, maxConcurrentStreams: 2, http2KeepAlive: {interval: 5s}}}}',
        ),
        service('same', [a]),
        rule('same', '{connectionPool: {http: {useClientProtocol: true}}}'),
        service('kept', [a]),
        rule(
          'kept',
          '{connectionPool: {tcp: {tcpKeepalive: {probes: 3, time: 60s, interval: 10s}, idleTimeout: 30s}}}',
        ),
      ].join(''),
    )
  })

  afterAll(async () => {
    expect(await bed.envoy.rejected()).toEqual({})
    // HTTP/2 connections must end before their upstream may.
    await bed.envoy.stop()
    await until(
      async () => a.connections,
      (open) => open === 0,
    )
  })

  test.each([
    ['plain', 'HTTP/1.1'],
    ['kept', 'HTTP/1.1'],
    ['same', 'HTTP/1.1'],
    ['http2', 'HTTP/2'],
    ['grpc', 'HTTP/2'],
    ['upgraded', 'HTTP/2'],
  ])('%s: an HTTP/1.1 request goes upstream as %s', async (name, protocol) => {
    expect((await bed.get(clusterOf(name))).seen?.protocol).toBe(protocol)
  })

  test('useClientProtocol: an HTTP/2 request goes upstream as HTTP/2', async () => {
    const session = connect(`http://127.0.0.1:${await bed.envoy.listenerPort('entrance')}`)
    const text = await new Promise<string>((resolve, reject) => {
      const stream = session.request({ ':path': '/', 'x-cluster': clusterOf('same') })
      let body = ''
      stream.on('data', (chunk) => {
        body += chunk
      })
      stream.on('end', () => resolve(body))
      stream.on('error', reject)
    })
    session.close()
    expect(JSON.parse(text).protocol).toBe('HTTP/2')
  })

  test('maxConcurrentStreams: more requests open more connections', async () => {
    const held = gate()
    a.reset()
    a.behave({ until: held.opened })
    const replies = many(8, () => bed.get(clusterOf('upgraded')))
    await until(
      () => a.count,
      (count) => count === 8,
      { what: 'all eight at once' },
    ).finally(held.open)
    const connections = (await replies).map((reply) => reply.seen?.connection)
    a.behave({})
    expect(new Set(connections).size).toBeGreaterThanOrEqual(4)
  })
})
