import { describe, expect, test } from 'vitest'
import { FakeMesh, fakeResource } from '../../test/helpers/fake-mesh.ts'
import { cds, eds, lds, lines, only, rds, settle, start } from '../../test/helpers/xds-engine.ts'

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
