import { expect, it, onTestFinished, vi } from 'vitest'
import { codec as game } from '../../codecs/game/codec.ts'
import { encode, Kind } from '../../test/dataplane/game.ts'
import { arrive, asSocket, FakeSocket } from '../../test/helpers/fake-socket.ts'
import { Cluster } from '../cluster/cluster.ts'
import { Engine } from '../engine.ts'
import type { Intake } from '../framing/intake.ts'
import { Hold } from '../listen/hold.ts'
import { C } from '../stats/counters.ts'
import { clock } from '../turn.ts'
import { HostPool } from './pool.ts'

it('a codec that throws at what was kept while the client took no more costs the connection, not the process', async () => {
  const said = vi.spyOn(process.stderr, 'write').mockImplementation(() => true)
  onTestFinished(() => void said.mockRestore())
  let intake!: Intake
  let ready!: () => void
  const engine = new Engine((_, read, __, opened) => {
    intake = read
    ready = opened
    return asSocket(new FakeSocket())
  })
  onTestFinished(() => engine.stop())
  const localities = [{ endpoints: [{ address: { host: '10.0.0.1', port: 1 } }] }]
  const cluster = new Cluster({ name: 'a', localities, balancer: { kind: 'roundRobin' } }, () => undefined)
  let throws = false
  const codec: typeof game = {
    ...game,
    frameLength: (...args) => {
      if (throws) throw new Error('no such thing')
      return game.frameLength(...args)
    },
  }
  const closed = vi.fn()
  const client = { bound: { closed, blocked: () => undefined } }
  const connection = HostPool.of(engine, cluster, cluster.hosts[0]!, codec).openBound(client as never, 0)!
  ready()
  connection.hold(Hold.slow)
  arrive(intake, encode({ kind: Kind.response, seq: 1 }))
  throws = true
  expect(closed).not.toHaveBeenCalled()
  connection.release(Hold.slow)
  await vi.waitFor(() => expect(closed).toHaveBeenCalledWith(connection))
  expect(cluster.counters[C.upstream_cx_protocol_error]).toBe(1)
  expect(cluster.counters[C.upstream_cx_connect_fail]).toBe(0)
})

it('of who is not read no sign of life is missed', async () => {
  let ready!: () => void
  const engine = new Engine((_, __, ___, opened) => {
    ready = opened
    return asSocket(new FakeSocket())
  })
  onTestFinished(() => engine.stop())
  const localities = [{ endpoints: [{ address: { host: '10.0.0.1', port: 1 } }] }]
  const heartbeat = { intervalMs: 10, timeoutMs: 10, misses: 1 }
  const cluster = new Cluster({ name: 'a', localities, balancer: { kind: 'roundRobin' }, heartbeat }, () => undefined)
  const codec: typeof game = { ...game, reply: () => encode({ kind: Kind.heartbeat }) }
  const client = { bound: { closed: () => undefined, blocked: () => undefined } }
  const connection = HostPool.of(engine, cluster, cluster.hosts[0]!, codec).openBound(client as never, 0)!
  ready()
  let now = clock.now
  const time = vi.spyOn(performance, 'now').mockImplementation(() => now)
  onTestFinished(() => time.mockRestore())
  const later = (ms: number) => {
    now += ms
    clock.now = now
    connection.sweep()
  }
  later(20)
  connection.hold(Hold.slow)
  for (let n = 0; n < 5; n++) later(100)
  expect(connection.closed).toBe(false)
  connection.release(Hold.slow)
  // It is read again at the end of the turn.
  await new Promise((resolve) => setImmediate(resolve))
  await new Promise((resolve) => setImmediate(resolve))
  later(5)
  expect(connection.closed).toBe(false)
  for (let n = 0; n < 3; n++) later(100)
  expect(connection.closed).toBe(true)
  expect(cluster.counters[C.upstream_cx_heartbeat_failure]).toBe(1)
})
