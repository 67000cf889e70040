import { describe, expect, test } from 'vitest'
import { FakeMesh } from '../../test/helpers/fake-mesh.ts'
import { cds, type EngineClient, eds, lds, lines, only, rds, settle, start } from '../../test/helpers/xds-engine.ts'
import type { Form } from './request.ts'

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

  /** Two clients of one class that have everything, and changes that rename all of it; the second of them does not answer. */
  function besideSilent() {
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
    return { engine, quick, silent, change }
  }

  test('a client that does not answer costs the others of its class two seconds, once', () => {
    const { engine, quick, silent, change } = besideSilent()
    expect(change('b')).toContain('rds: r=b')
    expect(change('c')).toEqual([])
    engine.now += 2000
    silent.flow()
    engine.log.refresh()
    expect(lines(settle(quick, quick.flow()))).toContain('rds: r=c')
    expect(change('d')).toContain('rds: r=d')
  })

  test('what was held back and is published because a client asks for more is due to all the others', () => {
    const { engine, quick, change } = besideSilent()
    change('b')
    expect(change('c')).toEqual([])
    expect(engine.log.due).toBe(false)
    engine.client('delta', 'new').tell('rds', { names: ['other'] })
    expect(engine.log.due).toBe(true)
    engine.log.refresh()
    expect(engine.log.due).toBe(false)
    expect(lines(settle(quick, quick.flow()))).toContain('rds: r=c')
  })
})
