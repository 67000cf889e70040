import { createServer } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startEcho, type Upstream } from '../helpers/echo.ts'
import { until } from '../helpers/eventually.ts'
import { gate } from '../helpers/gate.ts'
import { stopAfterTests } from '../helpers/processes.ts'
import {
  type ClusterBed,
  clusterOf,
  MODES,
  many,
  type Reply,
  rule,
  service,
  startClusterBed,
  tally,
} from './cluster-bed.ts'

let a: Upstream
let b: Upstream
let silentPort = 0

beforeAll(async () => {
  ;[a, b] = await Promise.all([startEcho('a'), startEcho('b')])
  const silent = createServer((socket) => socket.on('error', () => {}))
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  stopAfterTests(async () => silent.close())
  silentPort = (silent.address() as { port: number }).port
})

beforeEach(() => {
  a.reset()
  b.reset()
})

describe.each(MODES)('limits in Envoy, %s', (mode) => {
  let bed: ClusterBed

  beforeAll(async () => {
    const eject = 'interval: 100ms, baseEjectionTime: 600s, maxEjectionPercent: 100'
    bed = await startClusterBed(
      mode,
      [
        service('pending', [a]),
        rule('pending', '{connectionPool: {tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 1}}}'),
        service('active', [a]),
        rule('active', '{connectionPool: {http: {http2MaxRequests: 2}}}'),
        service('free', [a]),
        service('once', [a]),
        rule('once', '{connectionPool: {http: {maxRequestsPerConnection: 1}}}'),
        service('eject', [a, b]),
        rule('eject', `{outlierDetection: {consecutive5xxErrors: 3, ${eject}}}`),
        service('back', [a, b]),
        rule('back', `{outlierDetection: {consecutive5xxErrors: 3, ${eject.replace('600s', '100ms')}}}`),
        service('gateway', [a, b]),
        rule('gateway', `{outlierDetection: {consecutive5xxErrors: 0, consecutiveGatewayErrors: 2, ${eject}}}`),
        service('codes', [a, b]),
        rule('codes', `{outlierDetection: {consecutive5xxErrors: 2, outlierDetectionHttpErrorCodes: [429], ${eject}}}`),
        service('silent', [{ port: silentPort }]),
        rule('silent', '{connectionPool: {tcp: {connectTimeout: 150ms}}, tls: {mode: SIMPLE}}'),
        service('patient', [{ port: silentPort }]),
        rule('patient', '{tls: {mode: SIMPLE}}'),
      ].join(''),
    )
  })

  afterAll(async () => {
    expect(await bed.envoy.rejected()).toEqual({})
  })

  /** Six requests at once, of which those that are let through are answered when the four others have been refused. */
  async function heldBack(name: string): Promise<readonly Reply[]> {
    const held = gate()
    a.behave({ until: held.opened })
    let answered = 0
    const replies = many(6, async () => {
      const reply = await bed.get(clusterOf(name))
      answered++
      return reply
    })
    await until(
      () => answered,
      (count) => count === 4,
      { what: 'four of six are refused' },
    ).finally(held.open)
    return replies
  }

  test('without a rule 200 requests at once are served', async () => {
    a.behave({ delayMs: 50 })
    expect(tally(await many(200, () => bed.get(clusterOf('free')), 200))).toEqual({ a: 200 })
  })

  test('http1MaxPendingRequests: what may not wait is answered 503, flag UO', async () => {
    await bed.get(clusterOf('pending'))
    const replies = await heldBack('pending')
    expect(tally(replies)).toEqual({ a: 2, UO: 4 })
    expect(replies.filter((reply) => reply.flags === 'UO').every((reply) => reply.status === 503)).toBe(true)
    expect(await bed.envoy.stat(`cluster.${clusterOf('pending')};.upstream_rq_pending_overflow`)).toBe(4)
  })

  test('http2MaxRequests limits requests in flight', async () => {
    expect(tally(await heldBack('active'))).toEqual({ a: 2, UO: 4 })
  })

  test('maxRequestsPerConnection: 1 makes a connection for each request', async () => {
    const connections = await many(5, async () => (await bed.get(clusterOf('once'))).seen!.connection, 1)
    expect(new Set(connections).size).toBe(5)
  })

  test('an endpoint that fails is ejected', async () => {
    const name = clusterOf('eject')
    b.behave({ status: 500 })
    await many(40, () => bed.get(name), 1)
    const ejected = await bed.hostsAre(name, (hosts) => hosts.some((host) => host.ejected))
    expect(ejected.filter((host) => host.ejected).map((host) => host.address)).toEqual([`127.0.0.1:${b.port}`])
    await until(
      () => many(8, () => bed.get(name), 1),
      (replies) => replies.every((reply) => reply.name === 'a'),
    )
    expect(tally(await many(20, () => bed.get(name), 1))).toEqual({ a: 20 })
  })

  test('after its time it comes back', async () => {
    const name = clusterOf('back')
    b.behave({ status: 500 })
    await many(40, () => bed.get(name), 1)
    await expect
      .poll(() => bed.envoy.stat(`cluster.${name};.outlier_detection.ejections_enforced_total`))
      .toBeGreaterThan(0)
    b.behave({})
    await bed.hostsAre(name, (hosts) => hosts.every((host) => !host.ejected))
    await until(
      () => bed.get(name),
      (reply) => reply.name === 'b',
    )
  })

  test('consecutiveGatewayErrors ejects for 503 and not for 500', async () => {
    const name = clusterOf('gateway')
    b.behave({ status: 500 })
    await many(40, () => bed.get(name), 1)
    expect((await bed.hosts(name)).some((host) => host.ejected)).toBe(false)
    b.behave({ status: 503 })
    await many(40, () => bed.get(name), 1)
    await bed.hostsAre(name, (hosts) => hosts.some((host) => host.ejected))
  })

  test('own error codes eject instead of 5xx', async () => {
    const name = clusterOf('codes')
    b.behave({ status: 500 })
    await many(40, () => bed.get(name), 1)
    expect((await bed.hosts(name)).some((host) => host.ejected)).toBe(false)
    b.behave({ status: 429 })
    await many(40, () => bed.get(name), 1)
    await bed.hostsAre(name, (hosts) => hosts.some((host) => host.ejected))
  })

  test('connectTimeout ends what never becomes a connection', async () => {
    // Beside one that has the ten seconds there are without a rule: both are slow where the machine is.
    const patient = bed.get(clusterOf('patient'))
    const reply = await Promise.race([bed.get(clusterOf('silent')), patient.then(() => undefined)])
    expect(reply).toMatchObject({ status: 503, flags: 'UF' })
    await patient
    expect(await bed.envoy.stat(`cluster.${clusterOf('silent')};.upstream_cx_connect_timeout`)).toBeGreaterThan(0)
  })
})
