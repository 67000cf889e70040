import { describe, expect, test } from 'vitest'
import { FakeMesh } from '../../test/helpers/fake-mesh.ts'
import { cds, Engine, eds, lines, rds, settle } from '../../test/helpers/xds-engine.ts'
import type { WorkingSet } from './index.ts'

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

  test('what a client asks for, and what it names when it comes back, is remembered: names without a cluster too', () => {
    const mesh = new FakeMesh().put(cds('a', '1'), cds('b', '1'))
    mesh.lazy.add('a').add('b')
    const told: unknown[] = []
    const workingSet: WorkingSet = {
      learned: () => [],
      asked: (clusters) => told.push(['asked', ...clusters]),
      named: (names) => told.push(['named', ...names]),
      returned: (key, names) => told.push(['returned', key, ...names]),
    }
    const engine = new Engine(mesh, undefined, 'web', { placeholder: (name) => cds(name, 'empty') })
    const client = engine.client('delta', 'node', engine.log, workingSet)
    settle(client, client.ask('cds'))
    told.length = 0
    settle(client, client.ask('cds', { names: ['a', 'a~3'] }))
    expect(told.slice(0, 2)).toEqual([
      ['named', 'a', 'a~3'],
      ['asked', 'a'],
    ])
    const back = engine.client('delta', 'node', engine.log, workingSet)
    told.length = 0
    settle(back, back.ask('cds', { names: ['*', 'a', 'gone~2'], initial: { b: '1' } }))
    expect(told[0]).toEqual(['returned', 'web', '*', 'a', 'gone~2', 'b'])
  })

  test('who comes for the first time gets at once what its workload uses; who comes back keeps what it names', () => {
    const mesh = new FakeMesh().put(...['a', 'b', 'c'].map((name) => cds(name, '1')))
    for (const name of ['b', 'c']) mesh.lazy.add(name)
    const workingSet: WorkingSet = { learned: () => ['b', 'gone'], asked() {}, named() {}, returned() {} }
    const engine = new Engine(mesh, undefined, 'web', true)
    const fresh = engine.client('delta', 'fresh', engine.log, workingSet)
    expect(lines(settle(fresh, fresh.ask('cds', { names: ['*'] })))).toEqual(['cds: a=1 b=1'])
    const back = engine.client('delta', 'back', engine.log, workingSet)
    const initial = Object.fromEntries(['a', 'c'].map((name) => [name, cds(name, '1').version]))
    expect(lines(settle(back, back.ask('cds', { names: ['*', 'c'], initial })))).toEqual(['cds:'])
    mesh.put(cds('b', '2'), cds('c', '2'))
    engine.publish()
    engine.now += 5000
    expect(lines(settle(fresh, fresh.flow()))).toEqual(['cds: b=2'])
    expect(lines(settle(back, back.flow()))).toEqual(['cds: c=2'])
  })

  test('the others of a split come with the one that is asked for', () => {
    const mesh = new FakeMesh().put(...['a', 'b', 'c'].map((name) => cds(name, '1', name)))
    for (const name of ['b', 'c']) mesh.put(eds(name, '1')).lazy.add(name)
    const companions = (name: string) => (name === 'b' ? ['c'] : [])
    const client = new Engine(mesh, undefined, undefined, { companions }).client('delta')
    settle(client, client.ask('cds'))
    expect(lines(client.ask('cds', { names: ['b'] }))).toEqual(['cds: b=1 c=1', 'eds: b=1 c=1'])
  })

  test('the endpoints of a cluster that is refused are not waited for, nor sent when they change: an Envoy without it neither asks for them nor answers them', () => {
    const mesh = new FakeMesh().put(cds('a', '1', 'a'), eds('a', '1'), rds('r', '1'))
    mesh.lazy.add('a')
    const engine = new Engine(mesh, undefined, undefined, true)
    const client = engine.client('delta')
    settle(client, client.ask('cds', { names: ['*'] }))
    settle(client, client.ask('rds', { names: ['r'] }))
    const [cluster] = client.ask('cds', { names: ['a'] })
    client.nack(cluster!, 'a: no such thing')
    mesh.put(eds('a', '2'), rds('r', '2'))
    engine.publish()
    expect(lines(settle(client, client.flow()))).toEqual(['rds: r=2'])
    expect(client.client.settled('eds')).toBe(true)
    // One that is taken after all brings its endpoints as ever, and the client asks for them.
    mesh.put(cds('a', '3', 'a'))
    engine.publish()
    expect(lines(client.flow())).toEqual(['cds: a=3', 'eds: a=2'])
  })

  test('endpoints that a client asked for by itself stay when it refuses another version of their cluster', () => {
    const mesh = new FakeMesh().put(cds('a', '1', 'a'), eds('a', '1'))
    mesh.lazy.add('a')
    const engine = new Engine(mesh, undefined, undefined, true)
    const client = engine.client('delta')
    settle(client, client.ask('cds', { names: ['*', 'a'] }))
    settle(client, client.ask('eds', { names: ['a'] }))
    mesh.put(cds('a', '2', 'a'))
    engine.publish()
    const [cluster, ...behind] = client.flow()
    client.nack(cluster!, 'a: no such thing')
    for (const answer of behind) client.ack(answer)
    mesh.put(eds('a', '2'))
    engine.publish()
    expect(lines(settle(client, client.flow()))).toEqual(['eds: a=2'])
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
