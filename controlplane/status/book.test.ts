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

describe('nodes that left', () => {
  const leaving = () => {
    const mesh = new FakeMesh().put(fakeResource('cds', 'a', '1'))
    const engine = new Engine(mesh, new LastGood(() => {}))
    const time = { now: 1_000_000 }
    const book = new StatusBook(() => time.now)
    let stream = 0
    const open = (id: string) => {
      const own = ++stream
      book.opened({
        ...{ stream: own, node: { ...NODE, id }, peer: '127.0.0.1:1', identities: undefined, connectedAt: 0 },
        client: engine.client('delta').client,
      })
      return () => book.closed(own)
    }
    return { book, time, open, ids: () => book.clients().map(({ node }) => node.id) }
  }

  test('are told for ten minutes', () => {
    const { time, open, ids } = leaving()
    open('a')()
    time.now += 60_000
    open('b')()
    expect(ids()).toEqual(['a', 'b'])
    time.now += 9.5 * 60_000
    expect(ids()).toEqual(['b'])
  })

  test('are not pushed out by those that come back: streams of a large mesh end and begin all the time', () => {
    const { book, open, ids } = leaving()
    open('left')()
    for (let turn = 0; turn < 1500; turn++) open('stays')()
    const close = open('stays')
    expect(ids()).toEqual(['stays', 'left'])
    expect(book.client('stays')).toHaveLength(1)
    close()
    expect(ids()).toEqual(['left', 'stays'])
  })

  test('are the last thousand', () => {
    const { open, ids } = leaving()
    for (let turn = 0; turn < 1002; turn++) open(`n${turn}`)()
    expect(ids()).toHaveLength(1000)
    expect(ids()[0]).toBe('n2')
  })
})

describe('classes without clients', () => {
  test('are remembered for ten minutes, the newest thousand of them', () => {
    let now = 0
    const book = new StatusBook(() => now)
    const verdicts = (key: string) => book.verdicts(key, () => {})
    const busy = verdicts('busy')
    const idle = Array.from({ length: 1002 }, (_, n) => [`class ${n}`, verdicts(`class ${n}`)] as const)
    for (const [key] of idle) book.classIdle(key)
    book.sweep()
    // Whoever comes back is idle no more.
    const known = idle.filter(([key, before]) => verdicts(key) === before).map(([key]) => key)
    expect(known).toEqual(idle.slice(2).map(([key]) => key))
    book.classIdle('class 1001')
    book.classIdle('class 1000')
    now = 10 * 60_000
    book.sweep()
    expect(verdicts('class 1001')).toBe(idle[1001]![1])
    now++
    book.sweep()
    expect(verdicts('class 1000')).not.toBe(idle[1000]![1])
    expect([verdicts('class 1001'), verdicts('busy')]).toEqual([idle[1001]![1], busy])
    expect(verdicts('busy')).toBe(busy)
  })
})
