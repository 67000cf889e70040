import { describe, expect, test } from 'vitest'
import { FakeMesh } from '../../test/helpers/fake-mesh.ts'
import { cds, Engine, type EngineClient, eds, lines, only, settle } from '../../test/helpers/xds-engine.ts'
import type { Resource } from '../xds/resource.ts'
import { LastGood } from './last-good.ts'

/** A mesh with one cluster, which some clients have. */
function start(form: 'delta' | 'sotw', ids: readonly string[]) {
  const mesh = new FakeMesh().put(cds('a', '1'))
  const verdicts: LastGood = new LastGood(() => engine.log.invalidate())
  const engine: Engine = new Engine(mesh, verdicts)
  const join = (id: string) => {
    const client = engine.client(form, id)
    settle(client, client.ask('cds'))
    return client
  }
  const refuse = (client: EngineClient) => {
    const [answer] = client.ask('cds')
    settle(client, client.nack(answer!, 'Error adding/updating cluster(s) a: no good'))
    engine.log.refresh()
  }
  const put = (...resources: readonly Resource[]) => {
    mesh.put(...resources)
    mesh.publish()
    engine.log.refresh()
  }
  return { engine, verdicts, clients: ids.map(join), join, refuse, put }
}

describe.each(['delta', 'sotw'] as const)('who accepts a version has one vote (%s)', (form) => {
  test('also who had it when the first refusal came, and accepts it again later', () => {
    const { engine, verdicts, clients, refuse, put } = start(form, ['one', 'two'])
    refuse(engine.client(form, 'odd'))
    expect(verdicts.rejections).toMatchObject([{ acceptedBy: 2, pinned: false }])
    // A full set holds it again; a delta client says that it needs it again.
    put(cds('b', '1'))
    for (const client of clients) settle(client, form === 'delta' ? client.ask('cds', { names: ['a'] }) : client.flow())
    expect(verdicts.rejections).toMatchObject([{ acceptedBy: 2, pinned: false }])
    for (const id of ['odd-2', 'odd-3']) refuse(engine.client(form, id))
    expect(verdicts.rejections).toMatchObject([{ acceptedBy: 2, pinned: true }])
  })

  test('also who comes back and accepts it a second time', () => {
    const { engine, verdicts, clients, join, refuse } = start(form, ['one', 'two', 'three'])
    refuse(engine.client(form, 'odd'))
    for (const client of clients) client.client.close()
    for (const id of ['one', 'two', 'three']) join(id)
    expect(verdicts.rejections).toMatchObject([{ acceptedBy: 3, pinned: false }])
  })

  test('and who comes later has one of its own', () => {
    const { engine, verdicts, join, refuse } = start(form, ['one', 'two', 'three'])
    refuse(engine.client(form, 'odd'))
    for (const id of ['four', 'five']) join(id)
    expect(verdicts.rejections).toMatchObject([{ acceptedBy: 5, pinned: false }])
  })

  test('but not who has not answered yet, or has an older one', () => {
    const { engine, verdicts, clients, put } = start(form, ['one', 'two', 'three', 'four'])
    put(cds('a', '2'))
    const [one, two, three] = clients
    settle(one!, one!.flow())
    // Sent and not answered; and the fourth was not sent it.
    two!.flow()
    three!.nack(only(three!.flow()), 'Error adding/updating cluster(s) a: no good')
    expect(verdicts.rejections).toMatchObject([{ acceptedBy: 1, refusedBy: new Set(['three']), pinned: false }])
    expect(lines(engine.client(form, 'new').ask('cds'))).toEqual(['cds: a=2'])
  })
})

test('who was sent endpoints that it asked for by name has a vote when it has taken them', () => {
  const mesh = new FakeMesh().put(eds('e', '1'))
  const verdicts: LastGood = new LastGood(() => engine.log.invalidate())
  const engine: Engine = new Engine(mesh, verdicts)
  const join = (id: string) => engine.client('sotw', id)
  const [one, two, odd] = ['one', 'two', 'odd'].map(join)
  settle(one!, one!.ask('eds', { names: ['e'] }), { eds: ['e'] })
  two!.ask('eds', { names: ['e'] })
  odd!.nack(only(odd!.ask('eds', { names: ['e'] })), 'e: no good', ['e'])
  expect(verdicts.rejections).toMatchObject([{ acceptedBy: 1, refusedBy: new Set(['odd']) }])
})
