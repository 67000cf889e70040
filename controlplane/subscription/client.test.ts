import { describe, expect, test } from 'vitest'
import { FakeMesh, fakeResource } from '../../test/helpers/fake-mesh.ts'
import { type Answer, Engine, type EngineClient, lines } from '../../test/helpers/xds-engine.ts'
import type { Form } from './request.ts'

const cds = (name: string, content: string, eds?: string) =>
  fakeResource('cds', name, content, eds ? { children: [{ type: 'eds', name: eds }] } : {})
const eds = (name: string, content: string) => fakeResource('eds', name, content)
const lds = (name: string, content: string) => fakeResource('lds', name, content)
const rds = (name: string, content: string) => fakeResource('rds', name, content)

function start(mesh = new FakeMesh()) {
  const engine = new Engine(mesh)
  return { mesh, engine, delta: engine.client('delta'), sotw: engine.client('sotw', 'node-sotw') }
}

const only = (answers: readonly Answer[]): Answer => {
  expect(answers).toHaveLength(1)
  return answers[0]!
}

/** Acknowledges everything until there is nothing more to say; returns all that came. */
function settle(
  client: EngineClient,
  answers: readonly Answer[],
  names: Partial<Record<string, string[]>> = {},
): Answer[] {
  const all = [...answers]
  for (const answer of all) all.push(...client.ack(answer, names[answer.type] ?? []))
  return all
}

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
})

describe('what a change sends', () => {
  test('state of the world: routes and endpoints only what changed, clusters and listeners the full set', () => {
    const mesh = new FakeMesh().put(...[cds, eds, lds, rds].flatMap((make) => [make('a', '1'), make('b', '1')]))
    const { engine, sotw } = start(mesh)
    const names = { eds: ['a', 'b'], rds: ['a', 'b'] }
    for (const type of ['cds', 'lds', 'eds', 'rds'] as const) {
      settle(sotw, sotw.ask(type, type in names ? { names: ['a', 'b'] } : {}), names)
    }
    mesh.put(cds('b', '2'), eds('b', '2'), lds('b', '2'), rds('b', '2'))
    engine.publish()
    expect(lines(settle(sotw, sotw.flow(), names))).toEqual(['cds: a=1 b=2', 'eds: b=2', 'lds: a=1 b=2', 'rds: b=2'])
  })

  test('nothing, when the bytes are the same', () => {
    const { mesh, engine, delta } = start(new FakeMesh().put(cds('a', '1')))
    settle(delta, delta.ask('cds'))
    mesh.put(cds('a', '1'))
    engine.publish()
    expect(delta.flow()).toEqual([])
  })

  test('newest wins: several changes while one is unanswered are one', () => {
    const { mesh, engine, delta } = start(new FakeMesh().put(eds('a', '1'), eds('b', '1')))
    settle(delta, delta.ask('eds', { names: ['a', 'b'] }))
    const push = (content: string) => {
      mesh.put(eds('a', content))
      engine.publish()
      return delta.flow()
    }
    const first = only(push('2'))
    expect(push('3')).toEqual([])
    mesh.put(eds('b', '4'))
    expect(push('4')).toEqual([])
    expect(lines(delta.ack(first)).map((line) => line.split(' ').sort())).toEqual([['a=4', 'b=4', 'eds:']])
  })

  test('new names of the client are answered although another answer is outstanding', () => {
    const { mesh, engine, delta } = start(new FakeMesh().put(eds('a', '1'), eds('b', '1')))
    settle(delta, delta.ask('eds', { names: ['a'] }))
    mesh.put(eds('a', '2'))
    engine.publish()
    delta.flow()
    expect(lines(delta.ask('eds', { names: ['b'] }))).toEqual(['eds: b=1'])
  })

  test.each(['delta', 'sotw'] as const)('%s: an updated cluster brings its endpoints in the same flight', (form) => {
    const mesh = new FakeMesh().put(cds('c', '1', 'e'), cds('d', '1', 'f'), eds('e', '1'), eds('f', '1'))
    const { engine, [form]: client } = start(mesh)
    settle(client, client.ask('cds'))
    settle(client, client.ask('eds', { names: ['e', 'f'] }), { eds: ['e', 'f'] })
    mesh.put(cds('c', '2', 'e'))
    engine.publish()
    expect(lines(client.flow())).toEqual([form === 'delta' ? 'cds: c=2' : 'cds: c=2 d=1', 'eds: e=1'])
  })

  test('a new cluster on endpoints that are subscribed already brings them too', () => {
    const { mesh, engine, delta } = start(new FakeMesh().put(cds('c', '1', 'e'), eds('e', '1')))
    settle(delta, delta.ask('cds'))
    settle(delta, delta.ask('eds', { names: ['e'] }))
    mesh.put(cds('twin', '1', 'e'))
    engine.publish()
    expect(lines(delta.flow())).toEqual(['cds: twin=1', 'eds: e=1'])
  })

  test('large batches are cut where the protocol allows it', () => {
    const big = 'x'.repeat(400_000)
    const mesh = new FakeMesh().put(...['a', 'b', 'c', 'd'].flatMap((name) => [cds(name, big), eds(name, big)]))
    const { delta, sotw } = start(mesh)
    expect(delta.ask('cds').map((answer) => answer.resources.length)).toEqual([2, 2])
    expect(sotw.ask('cds').map((answer) => answer.resources.length)).toEqual([4])
    expect(sotw.ask('eds', { names: ['a', 'b', 'c'] }).map((answer) => answer.resources.length)).toEqual([2, 1])
  })
})

/** `new` replaces `old`: one publish that renames a cluster and moves the route. */
function rename(form: Form) {
  const mesh = new FakeMesh().put(cds('old', '1', 'old'), eds('old', '1'), lds('l', '1'), rds('r', 'old'))
  const { engine, [form]: client } = start(mesh)
  settle(client, client.ask('cds'))
  settle(client, client.ask('eds', { names: ['old'] }), { eds: ['old'] })
  settle(client, client.ask('lds'))
  settle(client, client.ask('rds', { names: ['r'] }), { rds: ['r'] })
  mesh
    .delete('cds', 'old')
    .delete('eds', 'old')
    .put(cds('new', '1', 'new'), eds('new', '1'), rds('r', 'new'))
  engine.publish()
  return { engine, client, mesh }
}

describe('make before break', () => {
  test('delta: add the cluster, move the route, then remove the old cluster, each after the answer to the one before', () => {
    const { client } = rename('delta')
    const clusters = only(client.flow())
    expect(lines([clusters])).toEqual(['cds: new=1'])
    const endpoints = only(client.ask('eds', { names: ['new'] }))
    client.ack(endpoints)
    const routes = only(client.ack(clusters))
    expect(lines([routes])).toEqual(['rds: r=new'])
    const removal = client.ack(routes)
    expect(lines(removal)).toEqual(['cds: -old'])
    expect(lines(client.ack(removal[0]!))).toEqual(['eds: -old'])
  })

  test('delta: the endpoints of a removed cluster need no removal when the client let go of them', () => {
    const { client } = rename('delta')
    const answers = settle(client, client.flow())
    expect(lines(answers)).toEqual(['cds: new=1', 'rds: r=new', 'cds: -old', 'eds: -old'])
    const quick = rename('delta').client
    const [clusters] = quick.flow()
    const [routes] = quick.ack(clusters!)
    const [removal] = quick.ack(routes!)
    quick.ask('eds', { unsubscribe: ['old'] })
    expect(quick.ack(removal!)).toEqual([])
  })

  test('state of the world: the removed cluster stays in the full set until the route has moved', () => {
    const { client } = rename('sotw')
    const clusters = only(client.flow())
    expect(lines([clusters])).toEqual(['cds: new=1 old=1'])
    const endpoints = only(client.ask('eds', { names: ['old', 'new'] }))
    client.ack(endpoints, ['old', 'new'])
    const routes = only(client.ack(clusters))
    expect(lines([routes])).toEqual(['rds: r=new'])
    expect(lines(client.ack(routes, ['r']))).toEqual(['cds: new=1'])
  })

  test('a route does not wait for a stuck cluster for ever', () => {
    const { client, engine } = rename('delta')
    only(client.flow())
    expect(client.client.wakeAt).toBe(engine.now + 2000)
    engine.now += 2000
    expect(client.flow()).toEqual([])
    expect(client.client.wakeAt).toBe(engine.now + 3000)
    engine.now += 3000
    expect(lines(client.flow())).toEqual(['rds: r=new'])
  })

  test('nothing is removed while what stops using it is unanswered, for a long while', () => {
    const { client, engine } = rename('delta')
    const clusters = only(client.flow())
    only(client.ack(clusters))
    engine.now += 29_999
    expect(client.flow()).toEqual([])
    engine.now += 1
    expect(lines(client.flow())).toEqual(['cds: -old'])
  })

  test('an answer to a new name brings first what it may point to', () => {
    const { client, mesh } = rename('delta')
    mesh.put(rds('other', 'new'))
    expect(lines(client.ask('rds', { names: ['other'] }))).toEqual(['cds: new=1', 'rds: other=new'])
  })

  test('types the client never asked for are not waited for', () => {
    const { mesh, engine, delta } = start(new FakeMesh().put(cds('a', '1')))
    settle(delta, delta.ask('cds'))
    mesh.delete('cds', 'a').put(cds('b', '1'), rds('r', 'b'))
    engine.publish()
    const update = only(delta.flow())
    expect(lines([update])).toEqual(['cds: b=1'])
    expect(lines(delta.ack(update))).toEqual(['cds: -a'])
  })

  test('a cluster that comes back before it was removed is not removed', () => {
    const { client, engine, mesh } = rename('delta')
    const clusters = only(client.flow())
    mesh.put(cds('old', '2', 'old'), eds('old', '2'))
    engine.publish()
    const answers = settle(client, client.ack(clusters))
    expect(answers.flatMap((answer) => answer.removed)).toEqual([])
    expect(lines(answers)).toContain('cds: old=2')
  })
})

describe('steady changes', () => {
  test.each(['delta', 'sotw'] as const)(
    '%s: the next state waits until the client has the last one, and is one change',
    (form) => {
      const { client, engine, mesh } = rename(form)
      const open = [...client.flow()]
      for (const name of ['c2', 'c3']) {
        mesh.put(cds(name, '1', name), eds(name, '1'), rds('r', name))
        engine.publish()
        const sent = client.flow()
        expect(lines(sent).filter((line) => !line.startsWith('eds'))).toEqual([])
        open.push(...sent)
      }
      const answers = settle(client, open, { eds: ['old', 'new'], rds: ['r'] })
      const routes = lines(answers).filter((line) => line.startsWith('rds'))
      expect(routes[0]).toBe('rds: r=new')
      expect(routes.at(-1)).toBe('rds: r=c3')
      expect(routes).not.toContain('rds: r=c2')
    },
  )

  test('endpoints do not wait', () => {
    const { client, engine, mesh } = rename('delta')
    client.flow()
    settle(client, client.ask('eds', { names: ['new'] }))
    mesh.put(eds('old', '2'), eds('new', '2'), rds('r', 'other'))
    engine.publish()
    expect(lines(client.flow()).join(' ')).toContain('new=2')
  })

  test('endpoints are those of the cluster that was sent, also when the newest state has no such cluster', () => {
    const { client, engine, mesh } = rename('sotw')
    client.flow()
    mesh
      .delete('cds', 'new')
      .delete('eds', 'new')
      .put(cds('c2', '1', 'c2'), eds('c2', '1'), rds('r', 'c2'))
    engine.publish()
    expect(lines(client.ask('eds', { names: ['old', 'new'] })).join(' ')).toContain('new=1')
  })

  test('a client that does not answer costs the others of its class two seconds, once', () => {
    const mesh = new FakeMesh().put(cds('a', '1', 'a'), eds('a', '1'), lds('l', '1'), rds('r', 'a'))
    const { engine } = start(mesh)
    const [quick, silent] = ['quick', 'silent'].map((id) => {
      const client = engine.client('delta', id)
      settle(client, client.ask('cds'))
      settle(client, client.ask('eds', { names: ['a'] }))
      settle(client, client.ask('lds'))
      settle(client, client.ask('rds', { names: ['r'] }))
      return client
    }) as [EngineClient, EngineClient]
    const change = (name: string) => {
      mesh.put(cds(name, '1', name), eds(name, '1'), rds('r', name))
      engine.publish()
      silent.flow()
      return lines(settle(quick, quick.flow()))
    }
    expect(change('b')).toContain('rds: r=b')
    expect(change('c')).toEqual([])
    engine.now += 2000
    silent.flow()
    engine.log.refresh()
    expect(lines(settle(quick, quick.flow()))).toContain('rds: r=c')
    expect(change('d')).toContain('rds: r=d')
  })
})

describe('sharing', () => {
  test('streams in the same state get the same bytes and the same nonce', () => {
    const { mesh, engine } = start(new FakeMesh().put(eds('a', '1'), eds('b', '1')))
    const one = engine.client('delta', '1')
    const two = engine.client('delta', '2')
    one.tell('eds', { names: ['a', 'b'] })
    two.tell('eds', { names: ['b', 'a'] })
    const [first] = one.client.flow(0)
    const [second] = two.client.flow(0)
    expect(second!.bytes).toBe(first!.bytes)
    one.tell('eds', { nonce: first!.nonce })
    two.tell('eds', { nonce: first!.nonce, names: ['c'] })
    two.flow()
    mesh.put(eds('b', '2'))
    engine.publish()
    engine.now += 5000
    expect(two.client.flow(engine.now)[0]!.bytes).toBe(one.client.flow(engine.now)[0]!.bytes)
  })
})

describe('clients at the same position that have different things to hear', () => {
  test('each hears its own, however much it is', () => {
    const all = Array.from({ length: 200 }, (_, index) => lds(`l${index}`, '2'))
    const { engine } = start(new FakeMesh().put(...all))
    const back = (id: string, old: (index: number) => boolean) => {
      const initial = all.map(({ name, version }, index) => [name, old(index) ? 'old' : version] as const)
      const client = engine.client('delta', id)
      const answers = client.ask('lds', { names: ['*'], initial: Object.fromEntries(initial) })
      return settle(client, answers).flatMap(({ resources }) => resources)
    }
    expect(back('a', (index) => index < 100)).toEqual(all.slice(0, 100).map(({ name }) => `${name}=2`))
    expect(back('b', (index) => index >= 100)).toEqual(all.slice(100).map(({ name }) => `${name}=2`))
  })
})

describe('clusters on demand', () => {
  test('who ends its subscription to a cluster is told that it is gone, and gets no empty one in its place', () => {
    const mesh = new FakeMesh().put(cds('a', '1')).put(cds('b', '1'))
    mesh.lazy.add('b')
    const engine = new Engine(mesh, undefined, undefined, { placeholder: (name) => cds(name, 'empty') })
    const client = engine.client('delta')
    expect(lines(settle(client, client.ask('cds')))).toEqual(['cds: a=1'])
    expect(lines(settle(client, client.ask('cds', { names: ['b', 'c'] })))).toEqual(['cds: b=1 c=empty'])
    expect(lines(settle(client, client.ask('cds', { unsubscribe: ['b', 'c'] })))).toEqual(['cds: -b -c'])
  })

  test('a request that was routed before a change gets the cluster as it was, until its proxy has the routes of now', () => {
    const mesh = new FakeMesh().put(cds('a', '1'), rds('r', '1'))
    const departing = (name: string) => (name === 'old' ? cds('old', 'as it was') : undefined)
    const engine = new Engine(mesh, undefined, undefined, { departing })
    const client = engine.client('delta')
    settle(client, client.ask('cds'))
    settle(client, client.ask('rds', { names: ['r'] }))
    expect(lines(settle(client, client.ask('cds', { names: ['old', 'never'] })))).toEqual(['cds: old=as it was -never'])
    mesh.put(rds('r', '2'))
    engine.publish()
    expect(lines(settle(client, client.flow()))).toEqual(['rds: r=2'])
    engine.now += 1000
    expect(lines(settle(client, client.flow()))).toEqual(['cds: -old'])
  })

  test('the others of a split come with the one that is asked for', () => {
    const mesh = new FakeMesh().put(...['a', 'b', 'c'].map((name) => cds(name, '1', name)))
    for (const name of ['b', 'c']) mesh.put(eds(name, '1')).lazy.add(name)
    const companions = (name: string) => (name === 'b' ? ['c'] : [])
    const client = new Engine(mesh, undefined, undefined, { companions }).client('delta')
    settle(client, client.ask('cds'))
    expect(lines(client.ask('cds', { names: ['b'] }))).toEqual(['cds: b=1 c=1', 'eds: b=1 c=1'])
  })

  test('updates and removals go a few at a time; what the client asks for meanwhile does not wait', () => {
    const mesh = new FakeMesh().put(...['a', 'b', 'c', 'd'].flatMap((name) => [cds(name, '1', name), eds(name, '1')]))
    mesh.put(rds('r', '1')).lazy.add('d')
    const engine = new Engine(mesh, undefined, undefined, true)
    const client = engine.client('delta')
    settle(client, client.ask('cds', { names: ['a', 'b', 'c'] }))
    settle(client, client.ask('eds', { names: ['a', 'b', 'c'] }))
    settle(client, client.ask('rds', { names: ['r'] }))
    mesh.put(...['a', 'b', 'c'].map((name) => cds(name, '2', name)), rds('r', '2'))
    engine.publish()
    const first = client.flow()
    expect(lines(first)).toEqual(['cds: a=2', 'eds: a=1'])
    const asked = client.ask('cds', { names: ['d'] })
    expect(lines(asked)).toEqual(['cds: d=1', 'eds: d=1'])
    expect(lines(settle(client, client.ack(asked[0]!)))).toEqual([
      'cds: b=2',
      'eds: b=1',
      'cds: c=2',
      'eds: c=1',
      'rds: r=2',
    ])
    mesh.delete('cds', 'a', 'b', 'c')
    engine.publish()
    expect(lines(settle(client, client.flow()))).toEqual(['cds: -a', 'cds: -b', 'cds: -c'])
  })
})

describe('secrets', () => {
  test.each(['delta', 'sotw'] as const)('%s: each comes alone, so that one refused keeps back no other', (form) => {
    // Names of no other test: equal sets are one, in the order of whoever named them first.
    const all = ['key a', 'key b', 'key c']
    const secrets = all.map((name) => fakeResource('sds', name, '1'))
    const { [form]: client } = start(new FakeMesh().put(...secrets))
    const answers = client.ask('sds', { names: all })
    expect(lines(answers)).toEqual(['sds: key a=1', 'sds: key b=1', 'sds: key c=1'])
    const [a, b, c] = answers
    const names = form === 'sotw' ? all : []
    client.ack(a!, names)
    const refused = client.tell('sds', { nonce: b!.nonce, error: 'no such file', names })
    expect(refused).toMatchObject({ kind: 'nack', culprits: [{ name: 'key b' }] })
    expect(client.ack(c!, names)).toEqual([])
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
