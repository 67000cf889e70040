import { describe, expect, test } from 'vitest'
import { fakeResource } from '../../test/helpers/fake-mesh.ts'
import { type Answer, cds, Engine, lds, lines, only } from '../../test/helpers/xds-engine.ts'
import { accept, judge, naming, silent, start } from './fixture.ts'

test.each([
  ['names the culprit', naming],
  ['names nobody', silent],
])('what a refused response took away is taken away again: the text %s', (_, say) => {
  for (const others of [[], [lds('d', 'bad'), lds('e', '2')]]) {
    const { mesh, publish, engine } = start(lds('a', '1'), lds('b', '1'))
    const client = engine.client('delta', 'one')
    accept(client, client.ask('lds'))
    mesh.put(lds('a', 'bad'), ...others).delete('lds', 'b')
    publish()
    // A message that fails validation is refused as a whole, the names it takes away included.
    const answers = judge(client, client.flow(), say)
    expect(answers[0]!.removed).toEqual(['b'])
    expect(answers.slice(1).flatMap(({ removed }) => removed)).toEqual(['b'])
  }
})

test('a client that refuses the newest version and the one served instead gets neither again', () => {
  const { mesh, publish, engine, verdicts, up } = start(cds('a', '1'), cds('b', '1'))
  const taking = up('delta', 'taking')
  const refusing = engine.client('delta', 'refusing')
  const refuse = (answers: readonly Answer[]) => {
    const all = [...answers]
    for (const answer of all) {
      const bad = answer.resources.some((entry) => entry.startsWith('a='))
      all.push(...(bad ? refusing.nack(answer, naming(['a'])) : refusing.ack(answer)))
    }
    return lines(all)
  }
  mesh.put(cds('a', 'bad'))
  publish()
  expect(lines(judge(taking, taking.flow(), naming))).toEqual(['cds: a=bad'])
  engine.log.refresh()
  const heard = [...refuse(refusing.ask('cds'))]
  expect(heard).toEqual(['cds: a=1 b=1', 'cds: b=1'])
  for (let round = 0; round < 5; round++) {
    engine.log.refresh()
    heard.push(...refuse(refusing.flow()), ...lines(judge(taking, taking.flow(), naming)))
  }
  expect(heard.filter((line) => line.includes('a=bad'))).toEqual([])
  expect(verdicts.rejections.map(({ resource, pinned }) => [Buffer.from(resource.bytes).toString(), pinned])).toEqual([
    ['bad', true],
    ['1', false],
  ])
  expect(verdicts.forClient('taking', cds('a', 'bad'))?.version).toBe(cds('a', '1').version)
  expect(verdicts.forClient('refusing', cds('a', '1'))).toBeUndefined()
})

test('a name that a client refused along with others is not kept for it when it goes, and is for the clients that have it', () => {
  const { mesh, publish, engine, up } = start(lds('l', '1'), cds('a', '1'))
  const taking = up('sotw', 'taking')
  const late = engine.client('sotw', 'late')
  mesh.put(cds('b', '1'), cds('c', 'bad'))
  publish()
  const [set] = late.ask('cds')
  taking.ack(only(taking.flow()))
  late.tell('cds', { nonce: set!.nonce, error: silent() })
  mesh.delete('cds', 'b', 'c').put(cds('d', '1'))
  publish()
  // Neither hears what was made for the other.
  expect(lines(taking.flow())).toEqual(['cds: a=1 d=1 b=1 c=bad'])
  const heard = accept(late, late.flow())
  expect(heard.flatMap(({ resources }) => resources)).not.toContain('b=1')
  expect(heard.at(-1)?.resources).toEqual(['a=1', 'd=1'])
})

test('a refusal ends with its resource, also when nobody asks for the name any more', () => {
  const { mesh, publish, engine, verdicts } = start(fakeResource('rds', 'r', 'bad'))
  const client = engine.client('sotw', 'one')
  const [answer] = client.ask('rds', { names: ['r'] })
  client.nack(answer!, 'r: no good', ['r'])
  client.tell('rds', { names: [], nonce: answer!.nonce })
  expect(verdicts.rejections).toHaveLength(1)
  mesh.put(cds('other', '1'))
  publish()
  expect(verdicts.rejections).toHaveLength(1)
  mesh.delete('rds', 'r')
  publish()
  expect(verdicts.rejections).toEqual([])
})

describe.each(['delta', 'sotw'] as const)('%s: a refused resource', (form) => {
  test('is not sent again; the rest of its batch is; newcomers get the last accepted version', () => {
    const { mesh, engine, publish, up, verdicts } = start(cds('a', '1'), cds('b', '1'))
    const client = up(form, 'one')
    mesh.put(cds('a', '2'), cds('b', 'bad 2'))
    publish()
    const answers = judge(client, client.flow(), naming)
    expect(answers.at(-1)!.resources).toContain('a=2')
    expect(answers.at(-1)!.resources).not.toContain('b=bad 2')
    engine.log.refresh()
    judge(client, client.flow(), naming)
    expect(lines(engine.client(form, 'two').ask('cds'))).toEqual(['cds: a=2 b=1'])
    expect(verdicts.rejections).toMatchObject([
      { resource: { name: 'b' }, pinned: true, current: true, error: 'no good' },
    ])
    expect(client.client.settled('cds')).toBe(true)
    expect(client.client.place('cds')!.nack).toMatchObject({ culprits: ['b'] })
  })

  test('that never was accepted is left out', () => {
    const { engine, verdicts } = start(cds('a', '1'), cds('b', 'bad'))
    const first = engine.client(form, 'one')
    const answers = judge(first, first.ask('cds'), naming)
    expect(lines(answers).at(-1)).toBe('cds: a=1')
    engine.log.refresh()
    expect(lines(engine.client(form, 'two').ask('cds'))).toEqual(['cds: a=1'])
    expect(verdicts.rejections).toMatchObject([{ pinned: true, servedVersion: undefined }])
  })

  test('is served again when it is mended, and the complaint goes when that is accepted', () => {
    const { mesh, publish, up, verdicts, engine } = start(cds('b', '1'))
    const client = up(form, 'one')
    mesh.put(cds('b', 'bad'))
    publish()
    judge(client, client.flow(), naming)
    engine.log.refresh()
    judge(client, client.flow(), naming)
    mesh.put(cds('b', '3'))
    publish()
    const mended = client.flow()
    expect(lines(mended)).toEqual(['cds: b=3'])
    expect(verdicts.rejections).toMatchObject([{ current: false }])
    accept(client, mended)
    expect(verdicts.rejections).toEqual([])
    expect(client.client.place('cds')!.nack).toBeUndefined()
  })

  test('is forgiven when its document goes back to what was accepted, or goes', () => {
    for (const change of ['back', 'gone']) {
      const { mesh, publish, up, verdicts, engine } = start(cds('a', '1'), cds('b', '1'))
      const client = up(form, 'one')
      mesh.put(cds('b', 'bad'))
      publish()
      judge(client, client.flow(), naming)
      engine.log.refresh()
      judge(client, client.flow(), naming)
      if (change === 'back') mesh.put(cds('b', '1'))
      else mesh.delete('cds', 'b')
      publish()
      judge(client, client.flow(), naming)
      expect(verdicts.rejections).toEqual([])
      expect(client.client.settled('cds')).toBe(true)
    }
  })

  test('by one odd client is held back from that client only, also when it comes back', () => {
    const { mesh, publish, up, verdicts, engine } = start(cds('a', '1'), cds('b', '1'))
    const clients = ['one', 'two', 'three'].map((id) => up(form, id))
    const odd = up(form, 'odd')
    mesh.put(cds('b', 'bad'))
    publish()
    judge(odd, odd.flow(), naming)
    for (const client of clients) accept(client, client.flow())
    engine.log.refresh()
    for (const client of clients) accept(client, client.flow())
    judge(odd, odd.flow(), naming)
    expect(verdicts.rejections).toMatchObject([{ pinned: false, acceptedBy: 3 }])
    expect(lines(engine.client(form, 'new').ask('cds'))).toEqual(['cds: a=1 b=bad'])
    const back = engine.client(form, 'odd')
    expect(lines(back.ask('cds'))).toEqual(['cds: a=1 b=1'])
  })

  test('by a newcomer alone is served to it in the version accepted before, though the others keep the newest', () => {
    const { mesh, publish, up, engine, verdicts } = start(cds('a', '1'), cds('b', '1'))
    const other = up(form, 'other')
    mesh.put(cds('b', 'bad'))
    publish()
    accept(other, other.flow())
    const odd = engine.client(form, 'odd')
    const answers = judge(odd, odd.ask('cds'), silent)
    engine.log.refresh()
    answers.push(...judge(odd, odd.flow(), silent))
    expect(answers.at(-1)!.resources).toContain('b=1')
    expect(answers.filter(({ resources }) => resources.includes('b=1'))).toHaveLength(1)
    expect(verdicts.rejections).toMatchObject([{ resource: { name: 'b' }, pinned: false }])
    expect(lines(other.flow())).toEqual([])
    expect(odd.client.settled('cds')).toBe(true)
  })

  test('a refused route keeps the clusters it replaces', () => {
    const { mesh, publish, up, engine } = start(cds('old', '1'), fakeResource('rds', 'r', 'old'))
    const client = up(form, 'one')
    for (const answer of client.ask('rds', { names: ['r'] })) client.ack(answer, ['r'])
    mesh.delete('cds', 'old').put(cds('new', '1'), fakeResource('rds', 'r', 'bad new'))
    publish()
    const [clusters] = client.flow()
    const [route] = client.ack(clusters!)
    expect(lines([route!])).toEqual(['rds: r=bad new'])
    client.nack(route!, 'the route is no good', ['r'])
    engine.log.refresh()
    const rest: Answer[] = []
    for (let second = 0; second < 60; second++) {
      engine.now += 1000
      for (const answer of client.flow()) rest.push(answer, ...client.ack(answer, answer.type === 'rds' ? ['r'] : []))
    }
    expect(lines(rest)).toEqual([form === 'delta' ? 'cds: old=1' : 'cds: new=1 old=1', 'rds: r=old'])
    const late = engine.client(form, 'late')
    expect(late.ask('cds')[0]!.resources.toSorted()).toEqual(['new=1', 'old=1'])
    expect(lines(late.ask('rds', { names: ['r'] }))).toEqual(['rds: r=old'])
  })
})

test('a refused listener that went while nobody was there keeps no cluster when its class has clients again', () => {
  const { mesh, verdicts, up } = start(cds('a', '1'), cds('b', '1'), lds('l', 'bad'))
  const client = up('delta', 'one')
  judge(client, client.ask('lds'), naming)
  client.client.close()
  mesh.delete('lds', 'l')
  const engine = new Engine(mesh, verdicts)
  const back = engine.client('delta', 'one')
  accept(back, [...back.ask('cds'), ...back.ask('lds')])
  mesh.delete('cds', 'b')
  engine.publish()
  expect(lines(accept(back, back.flow()))).toEqual(['cds: -b'])
})

test('what was accepted of a resource that went is not served in place of one that comes under its name and is refused', () => {
  const { mesh, publish, engine, verdicts } = start(cds('a', '1'), cds('b', '1'))
  const client = engine.client('delta', 'one')
  accept(client, client.ask('cds'))
  mesh.delete('cds', 'a')
  publish()
  accept(client, client.flow())
  mesh.put(cds('a', 'bad'))
  publish()
  judge(client, client.flow(), naming)
  expect(verdicts.rejections).toMatchObject([{ pinned: true, servedVersion: undefined }])
  publish()
  const late = engine.client('delta', 'late')
  expect(lines(late.ask('cds'))).toEqual(['cds: b=1'])
})

test('only who refuses something of a type is told to be refusing, and only of that type', () => {
  const { mesh, publish, verdicts, up } = start(cds('a', '1'), lds('l', '1'))
  const [one, other] = [up('delta', 'one'), up('delta', 'other')]
  mesh.put(cds('a', 'bad'))
  publish()
  accept(other, other.flow())
  judge(one, one.flow(), naming)
  const refusing = (client: string, type: 'cds' | 'lds') => verdicts.refusing(client, new Set([type]))
  expect([refusing('one', 'cds'), refusing('one', 'lds'), refusing('other', 'cds')]).toEqual([true, false, false])
  mesh.put(cds('a', '3'))
  publish()
  accept(one, one.flow())
  expect(refusing('one', 'cds')).toBe(false)
})
