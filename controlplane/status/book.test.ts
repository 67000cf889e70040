import { describe, expect, test } from 'vitest'
import { FakeMesh, fakeResource } from '../../test/helpers/fake-mesh.ts'
import { Engine, type EngineClient } from '../../test/helpers/xds-engine.ts'
import type { NodeInfo } from '../xds/resource.ts'
import { StatusBook } from './book.ts'
import { LastGood } from './last-good.ts'

const NODE = { id: 'sidecar~1.1.1.1~a.default~x' } as NodeInfo

function start() {
  const mesh = new FakeMesh().put(fakeResource('cds', 'a', '1'))
  const engine = new Engine(mesh, new LastGood(() => {}))
  const book = new StatusBook(() => engine.now)
  const connect = (client: EngineClient) =>
    book.opened({
      stream: 1,
      node: NODE,
      peer: '127.0.0.1:1',
      identities: undefined,
      connectedAt: 0,
      client: client.client,
    })
  const states = () => Object.fromEntries(book.clients()[0]!.types.map(({ type, state }) => [type, state]))
  return { mesh, engine, connect, states }
}

describe('the state of a client', () => {
  test('STALE until it answers, SYNCED when it has accepted all there is', () => {
    const { mesh, engine, connect, states } = start()
    const client = engine.client('delta')
    connect(client)
    const [answer] = client.ask('cds')
    expect(states()).toEqual({ cds: 'STALE' })
    client.ack(answer!)
    expect(states()).toEqual({ cds: 'SYNCED' })
    mesh.put(fakeResource('cds', 'a', '2'))
    engine.publish()
    expect(states()).toEqual({ cds: 'STALE' })
  })

  test('NOT SENT when nothing was there to send', () => {
    const { engine, connect, states } = start()
    const client = engine.client('sotw')
    connect(client)
    client.ask('eds', { names: ['gone'] })
    expect(states()).toEqual({ eds: 'NOT SENT' })
  })

  test('SYNCED when it came back with everything after a restart, although nothing had to be sent', () => {
    const { mesh, engine, connect, states } = start()
    const endpoints = fakeResource('eds', 'a', '1')
    mesh.put(endpoints)
    engine.publish()
    const client = engine.client('delta')
    connect(client)
    expect(client.ask('eds', { names: ['a'], initial: { a: endpoints.version } })).toEqual([])
    expect(states()).toEqual({ eds: 'SYNCED' })
  })

  test('NACK while it refuses what is served', () => {
    const { engine, connect, states } = start()
    const client = engine.client('delta')
    connect(client)
    const [answer] = client.ask('cds')
    client.nack(answer!, 'no good')
    expect(states()).toEqual({ cds: 'NACK' })
  })
})
