import { describe, expect, test } from 'vitest'
import { FakeMesh, fakeResource } from '../../test/helpers/fake-mesh.ts'
import { cds, Engine, eds, lds, lines, only, rds, settle, start } from '../../test/helpers/xds-engine.ts'

describe('a name that does not exist', () => {
  test('delta: is answered as removed at once, and sent when it appears', () => {
    const { mesh, engine, delta } = start()
    const answer = only(delta.ask('eds', { names: ['a'] }))
    expect(lines([answer])).toEqual(['eds: -a'])
    delta.ack(answer)
    mesh.put(eds('a', '1'))
    engine.publish()
    expect(lines(delta.flow())).toEqual(['eds: a=1'])
  })

  test('state of the world: gets no answer while others do, and is sent when it appears', () => {
    const { mesh, engine, sotw } = start(new FakeMesh().put(eds('b', '1')))
    const answer = only(sotw.ask('eds', { names: ['a', 'b'] }))
    expect(lines([answer])).toEqual(['eds: b=1'])
    expect(sotw.ack(answer, ['a', 'b'])).toEqual([])
    mesh.put(eds('a', '1'))
    engine.publish()
    expect(lines(sotw.flow())).toEqual(['eds: a=1'])
  })

  test.each(['cds', 'lds'] as const)(
    'state of the world, %s: a full set without it says that it does not exist',
    (type) => {
      const { mesh, engine, sotw } = start()
      const answer = only(sotw.ask(type, { names: ['a'] }))
      expect(lines([answer])).toEqual([`${type}:`])
      sotw.ack(answer, ['a'])
      mesh.put(fakeResource(type, 'a', '1'))
      engine.publish()
      expect(lines(sotw.flow())).toEqual([`${type}: a=1`])
    },
  )

  test.each(['eds', 'rds', 'sds'] as const)('state of the world, %s alone: no answer until it appears', (type) => {
    const { mesh, engine, sotw } = start()
    expect(sotw.ask(type, { names: ['a'] })).toEqual([])
    mesh.put(fakeResource(type, 'a', '1'))
    engine.publish()
    expect(lines(sotw.flow())).toEqual([`${type}: a=1`])
  })
})

describe('a name subscribed again', () => {
  test('delta: is sent again although the version is the same, with a new nonce', () => {
    const { delta } = start(new FakeMesh().put(eds('a', '1'), eds('b', '1')))
    const first = only(delta.ask('eds', { names: ['a', 'b'] }))
    delta.ack(first)
    const again = only(delta.ask('eds', { names: ['a'] }))
    expect(lines([again])).toEqual(['eds: a=1'])
    const third = only(delta.ask('eds', { names: ['a'] }))
    expect(new Set([first.nonce, again.nonce, third.nonce]).size).toBe(3)
  })

  test('state of the world: is sent again when it was off the list in between', () => {
    const { sotw } = start(new FakeMesh().put(eds('a', '1'), eds('b', '1')))
    const first = only(sotw.ask('eds', { names: ['a', 'b'] }))
    expect(sotw.ack(first, ['a', 'b'])).toEqual([])
    expect(sotw.ack(first, ['b'])).toEqual([])
    expect(lines(sotw.ack(first, ['a', 'b']))).toEqual(['eds: a=1'])
  })
})

describe('an empty first request', () => {
  const world = () =>
    new FakeMesh().put(cds('c', '1'), eds('e', '1'), lds('l', '1'), rds('r', '1'), fakeResource('sds', 's', '1'))

  test.each(['delta', 'sotw'] as const)(
    '%s: means everything for clusters and listeners, nothing for the others',
    (form) => {
      const { [form]: client } = start(world())
      expect(lines(client.ask('cds'))).toEqual(['cds: c=1'])
      expect(lines(client.ask('lds'))).toEqual(['lds: l=1'])
      expect(client.ask('eds')).toEqual([])
      expect(client.ask('rds')).toEqual([])
      expect(client.ask('sds')).toEqual([])
    },
  )

  test.each(['delta', 'sotw'] as const)(
    '%s: an empty world is answered with an empty response, never with silence',
    (form) => {
      const { [form]: client } = start()
      expect(lines(client.ask('cds'))).toEqual(['cds:'])
      expect(lines(client.ask('lds'))).toEqual(['lds:'])
    },
  )

  test.each(['delta', 'sotw'] as const)('%s: `*` is no name for types without a wildcard', (form) => {
    const { [form]: client } = start(world())
    expect(client.ask('eds', { names: ['*'] })).toEqual([])
    expect(lines(client.ask('rds', { names: ['*', 'r'] }))).toEqual(['rds: r=1'])
  })
})

describe('`*` and names', () => {
  const world = () => {
    const mesh = new FakeMesh().put(cds('a', '1'), cds('b', '1'), cds('lazy', '1'))
    mesh.lazy.add('lazy')
    return mesh
  }

  test('delta: a name may be subscribed beside the wildcard, also one the wildcard does not cover', () => {
    const { mesh, engine, delta } = start(world())
    expect(lines(delta.ask('cds', { names: ['*', 'lazy'] }))).toEqual(['cds: a=1 b=1 lazy=1'])
    settle(delta, [])
    mesh.put(cds('lazy', '2'))
    engine.publish()
    engine.now += 5000
    expect(lines(delta.flow())).toEqual(['cds: lazy=2'])
  })

  test('delta: unsubscribing a name under the wildcard answers it: the resource if covered, removed if not', () => {
    const { delta } = start(world())
    const first = only(delta.ask('cds', { names: ['*', 'a', 'lazy'] }))
    delta.ack(first)
    expect(lines(delta.ask('cds', { unsubscribe: ['a'] }))).toEqual(['cds: a=1'])
    expect(lines(delta.ask('cds', { unsubscribe: ['lazy'] }))).toEqual(['cds: -lazy'])
    expect(delta.ask('cds', { unsubscribe: ['never-subscribed'] })).toEqual([])
  })

  test('delta: leaving the wildcard keeps the names, and an empty list is then nothing', () => {
    const { mesh, engine, delta } = start(world())
    const first = only(delta.ask('cds'))
    delta.ack(first)
    const named = only(delta.ask('cds', { names: ['a'] }))
    expect(lines([named])).toEqual(['cds: a=1'])
    delta.ack(named)
    expect(delta.ask('cds', { unsubscribe: ['*'] })).toEqual([])
    mesh.put(cds('a', '2'), cds('b', '2'), cds('new', '1'))
    engine.publish()
    const update = only(delta.flow())
    expect(lines([update])).toEqual(['cds: a=2'])
    delta.ack(update)
    expect(delta.ask('cds', { unsubscribe: ['a'] })).toEqual([])
    expect(delta.ask('cds')).toEqual([])
    mesh.put(cds('a', '3'))
    engine.publish()
    expect(delta.flow()).toEqual([])
  })

  test('delta: leaving the wildcard that was never named leaves it for good, whatever is acknowledged after', () => {
    const { mesh, engine, delta } = start(world())
    delta.ack(only(delta.ask('cds')))
    const left = delta.ask('cds', { unsubscribe: ['*'] })
    expect(left.flatMap(({ resources }) => resources)).toEqual([])
    expect(delta.ask('cds')).toEqual([])
    mesh.put(cds('a', '2'), cds('new', '1'))
    engine.publish()
    expect(delta.flow()).toEqual([])
  })

  test('state of the world: the four steps of the protocol text', () => {
    const { mesh, engine, sotw } = start(world())
    const all = only(sotw.ask('cds'))
    expect(lines([all])).toEqual(['cds: a=1 b=1'])
    sotw.ack(all)
    const beside = only(sotw.ask('cds', { names: ['*', 'lazy'], nonce: all.nonce }))
    expect(lines([beside])).toEqual(['cds: a=1 b=1 lazy=1'])
    sotw.ack(beside, ['*', 'lazy'])
    expect(sotw.ask('cds', { names: ['lazy'], nonce: beside.nonce })).toEqual([])
    mesh.put(cds('a', '2'), cds('lazy', '2'))
    engine.publish()
    const named = only(sotw.flow())
    expect(lines([named])).toEqual(['cds: lazy=2'])
    sotw.ack(named, [])
    mesh.put(cds('a', '3'), cds('lazy', '3'))
    engine.publish()
    expect(sotw.flow()).toEqual([])
  })
})

describe('a delta client that reconnects', () => {
  const world = () => new FakeMesh().put(cds('same', '1'), cds('changed', '2'), cds('new', '1'))
  const held = () => ({ same: fakeResource('cds', 'same', '1').version, changed: 'old', gone: 'old' })

  test('gets only what differs; what is gone is removed after a moment', () => {
    const { engine, delta } = start(world())
    const first = only(delta.ask('cds', { names: ['*'], initial: held() }))
    expect(lines([first])).toEqual(['cds: changed=2 new=1'])
    expect(delta.ack(first)).toEqual([])
    engine.now += 999
    expect(delta.flow()).toEqual([])
    expect(delta.client.wakeAt).toBe(engine.now + 1)
    engine.now += 1
    expect(lines(delta.flow())).toEqual(['cds: -gone'])
  })

  test('what is gone stays until the routes that may use it were replaced', () => {
    const { engine, delta } = start(world().put(rds('r', '2')))
    const clusters = only(delta.ask('cds', { names: ['*'], initial: held() }))
    expect(delta.ask('rds', { names: ['r'], initial: { r: 'old' } })).toEqual([])
    const routes = only(delta.ack(clusters))
    expect(lines([routes])).toEqual(['rds: r=2'])
    engine.now += 2000
    expect(delta.flow()).toEqual([])
    expect(lines(delta.ack(routes))).toEqual(['cds: -gone'])
  })

  test.each(['delta', 'sotw'] as const)('%s: routes it has are replaced when the clusters are acknowledged', (form) => {
    const { [form]: client } = start(new FakeMesh().put(cds('c', '1'), lds('l', '2'), rds('r', 'c')))
    const clusters = only(client.ask('cds', { names: ['*'], initial: { c: 'old' }, version: 'earlier' }))
    expect(
      client.ask('lds', { names: ['*'], initial: { l: 'old' }, version: 'earlier' }).flatMap((a) => a.resources),
    ).toEqual([])
    expect(client.ask('rds', { names: ['r'], initial: { r: 'old' }, version: 'earlier' })).toEqual([])
    expect(lines(settle(client, client.ack(clusters, ['*']), { lds: ['*'], rds: ['r'] }))).toEqual([
      'lds: l=2',
      'rds: r=c',
    ])
  })

  test('names it asks for by name: only those that differ, the unknown ones as removed at once', () => {
    const { delta } = start(world())
    const initial = { same: fakeResource('cds', 'same', '1').version }
    expect(lines(delta.ask('cds', { names: ['same', 'changed', 'nope'], initial }))).toEqual(['cds: changed=2 -nope'])
  })

  test('the endpoints of a cluster that changed meanwhile are sent although they did not', () => {
    const mesh = new FakeMesh().put(cds('c', '2', 'e'), cds('d', '1', 'f'), eds('e', '1'), eds('f', '1'))
    const { delta } = start(mesh)
    const d = fakeResource('cds', 'd', '1').version
    delta.ask('cds', { names: ['*'], initial: { c: 'old', d } })
    const initial = { e: fakeResource('eds', 'e', '1').version, f: fakeResource('eds', 'f', '1').version }
    expect(lines(delta.ask('eds', { names: ['e', 'f'], initial }))).toEqual(['eds: e=1'])
  })

  test.each([
    { what: 'is not sent what it still has', again: false, sent: [] },
    { what: 'is sent what it dropped and asked for again meanwhile', again: true, sent: ['eds: e=1'] },
  ])('when something becomes known that was not when it came, it $what', ({ again, sent }) => {
    const mesh = new FakeMesh().put({ ...eds('e', 'unknown'), version: 'pending', pending: true })
    const { delta, engine } = start(mesh)
    delta.ask('eds', { names: ['e'], initial: { e: eds('e', '1').version } })
    if (again) {
      delta.ask('eds', { unsubscribe: ['e'] })
      delta.ask('eds', { names: ['e'] })
    }
    mesh.put(eds('e', '1'))
    engine.publish()
    expect(lines(delta.flow())).toEqual(sent)
  })

  test('with nothing new, the wildcard is answered all the same', () => {
    const { delta } = start(new FakeMesh().put(cds('same', '1')))
    const initial = { same: fakeResource('cds', 'same', '1').version }
    expect(lines(delta.ask('cds', { names: ['*'], initial }))).toEqual(['cds:'])
  })
})

describe('a state-of-the-world client that comes back, perhaps to another replica', () => {
  const world = () => new FakeMesh().put(cds('a', '1'), cds('b', '1'), lds('l', '1'), eds('a', '1'))
  const version = (client: ReturnType<typeof start>['sotw'], type: 'cds' | 'lds') => {
    const answer = only(client.ask(type))
    client.ack(answer)
    return answer.version
  }

  test('gets none of the clusters and listeners it holds, but endpoints: their version does not tell which it has', () => {
    const { sotw } = start(world())
    const held = { cds: version(sotw, 'cds'), lds: version(sotw, 'lds') }
    const { sotw: moved, mesh, engine } = start(world())
    expect(moved.ask('cds', { version: held.cds })).toEqual([])
    expect(lines(moved.ask('eds', { names: ['a'], version: held.cds }))).toEqual(['eds: a=1'])
    expect(moved.ask('lds', { version: held.lds })).toEqual([])
    expect(moved.client.settled('cds')).toBe(true)
    mesh.put(cds('b', '2'))
    mesh.delete('lds', 'l')
    engine.publish()
    expect(lines(moved.flow())).toEqual(['cds: a=1 b=2'])
  })

  test('gets the full set when anything in it differs, and when it names no version', () => {
    const { sotw } = start(world())
    const held = version(sotw, 'cds')
    for (const other of [world().put(cds('b', '2')), world().put(cds('c', '1'))])
      expect(start(other).sotw.ask('cds', { version: held })).toHaveLength(1)
    expect(start(world()).sotw.ask('cds', { version: '' })).toHaveLength(1)
  })

  test('gets the full set when it says what it wants: it may have dropped some of that and asked for it again, unanswered', () => {
    const { sotw, engine } = start(world())
    const all = only(sotw.ask('cds', { names: ['*'] }))
    sotw.ack(all, ['*'])
    sotw.ask('cds', { names: ['a'], version: all.version, nonce: all.nonce })
    sotw.ask('cds', { names: ['*'], version: all.version, nonce: all.nonce })
    const back = engine.client('sotw', 'node-sotw')
    expect(lines(back.ask('cds', { names: ['*'], version: all.version }))).toEqual(['cds: a=1 b=1'])
  })
})

describe('a change of class', () => {
  test.each(['delta', 'sotw'] as const)('%s: sends what differs, in the usual order', (form) => {
    const mesh = new FakeMesh().put(cds('old', '1'), cds('same', '1'), rds('r', 'old'))
    const { engine, [form]: client } = start(mesh)
    settle(client, client.ask('cds'))
    settle(client, client.ask('rds', { names: ['r'] }), { rds: ['r'] })
    const other = new Engine(new FakeMesh().put(cds('new', '1'), cds('same', '1'), rds('r', 'new')))
    client.client.move(other.log, engine.now)
    const full = form === 'sotw'
    expect(lines(settle(client, client.flow(), { rds: ['r'] }))).toEqual([
      full ? 'cds: new=1 same=1 old=1' : 'cds: new=1',
      'rds: r=new',
      full ? 'cds: new=1 same=1' : 'cds: -old',
    ])
    expect(engine.log.readers.has(client.client)).toBe(false)
  })

  test.each([
    ['delta', ['lds: -edge']],
    ['sotw', ['lds:']],
  ] as const)('%s: a listener the other class does not have is removed', (form, expected) => {
    const { engine, [form]: client } = start(new FakeMesh().put(lds('edge', '1')))
    settle(client, client.ask('lds'))
    client.client.move(new Engine(new FakeMesh()).log, engine.now)
    expect(lines(settle(client, client.flow()))).toEqual(expected)
    expect(client.flow()).toEqual([])
  })

  test('what a client came back with and was still to be told to be gone it is told in the other class', () => {
    const { engine, delta } = start(new FakeMesh().put(cds('a', '1')))
    delta.ask('cds', { names: ['*'], initial: { a: fakeResource('cds', 'a', '1').version, foreign: 'other' } })
    delta.client.move(new Engine(new FakeMesh().put(cds('a', '1'))).log, engine.now)
    engine.now += 31_000
    expect(lines(settle(delta, delta.flow()))).toContain('cds: -foreign')
  })
})
