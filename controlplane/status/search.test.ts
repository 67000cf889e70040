import { describe, expect, test } from 'vitest'
import { fakeResource } from '../../test/helpers/fake-mesh.ts'
import { type Answer, cds, type EngineClient, lines, only } from '../../test/helpers/xds-engine.ts'
import type { NodeInfo } from '../xds/resource.ts'
import { StatusBook } from './book.ts'
import { accept, judge, naming, silent, start } from './fixture.ts'

test('what changes while a full set is searched is not blamed on what is on trial', () => {
  const { mesh, verdicts, publish, up } = start(cds('a', '1'), cds('b', '1'), cds('c', '1'))
  const client = up('sotw', 'one')
  mesh.put(cds('a', 'bad'), cds('b', '2'))
  publish()
  const trial = client.nack(only(client.flow()), silent())
  expect(only(trial).resources).toEqual(['a=bad', 'b=1', 'c=1'])
  mesh.put(cds('c', 'bad too'))
  publish()
  const last = judge(client, trial, silent).at(-1)!
  expect(last.resources).toEqual(['a=1', 'b=2', 'c=1'])
  expect(verdicts.rejections.map(({ resource }) => resource.name)).toEqual(['a', 'c'])
})

test('what a client would get in place of a culprit is not sent beside what is on trial, which would be blamed for it', () => {
  const { mesh, verdicts, publish, up } = start(cds('a', '1'), cds('b', '1'))
  const other = up('sotw', 'other')
  const odd = up('sotw', 'odd')
  // The other one takes this, and the odd one has not heard of it yet.
  mesh.put(cds('a', 'bad for the odd one'))
  publish()
  accept(other, other.flow())
  mesh.put(cds('a', 'bad'), cds('b', '2'))
  publish()
  const answers = judge(odd, odd.flow(), silent)
  expect(answers.map(({ resources }) => resources)).toEqual([
    ['a=bad', 'b=2'],
    ['a=bad', 'b=1'],
    ['a=1', 'b=2'],
  ])
  expect(verdicts.rejections.map(({ resource }) => resource.name)).toEqual(['a'])
})

test('what a client refused is not in its full sets because others accepted it, neither while another culprit is searched nor later', () => {
  const { mesh, engine, publish, up } = start(cds('a', '1'), cds('b', '1'))
  const other = up('sotw', 'other')
  const odd = engine.client('sotw', 'odd')
  const rest = only(odd.nack(only(odd.ask('cds')), naming(['b'])))
  expect(rest.resources).toEqual(['a=1'])
  odd.ack(rest)
  mesh.put(cds('a', '2'), cds('b', '2'))
  publish()
  const trial = odd.nack(only(odd.flow()), silent())
  expect(only(trial).resources).toEqual(['a=2'])
  const second = odd.ack(only(trial))
  expect(only(second).resources).toEqual(['a=2', 'b=2'])
  accept(odd, odd.nack(only(second), silent()))
  accept(other, other.flow())
  mesh.put(cds('c', '1'))
  publish()
  expect(only(odd.flow()).resources).toEqual(['a=2', 'c=1'])
})

describe.each(['newcomer', 'that had an older version', 'that comes back with what nobody knows'])(
  'a client that alone refuses what others accepted, and names nobody: %s',
  (how) => {
    const refusal = (answer: Answer) => answer.resources.includes('a=2')
    const answerAll = (odd: EngineClient, answers: readonly Answer[]) => {
      const all = [...answers]
      for (const answer of all) all.push(...(refusal(answer) ? odd.nack(answer, silent()) : odd.ack(answer)))
      return all
    }

    test.each([
      ['one thing is new', ['d']],
      ['several are', ['d', 'e', 'f']],
    ])('it has nobody else blamed, where %s', (_, added) => {
      const { mesh, engine, verdicts, publish, up } = start(cds('a', '1'), cds('b', '1'), cds('c', '1'))
      const other = up('sotw', 'other')
      const odd = how === 'that had an older version' ? up('sotw', 'odd') : engine.client('sotw', 'odd')
      mesh.put(cds('a', '2'), cds('b', '2'))
      publish()
      accept(other, other.flow())
      mesh.put(cds('d', '1'), ...added.map((name) => cds(name, '1')))
      publish()
      const came = how.includes('comes back') ? odd.ask('cds', { version: 'from elsewhere' }) : undefined
      const answers = answerAll(odd, came ?? (how === 'newcomer' ? odd.ask('cds') : odd.flow()))
      engine.log.refresh()
      answers.push(...answerAll(odd, odd.flow()))
      accept(other, other.flow())
      // What is missing in a full set is deleted: of what the client may have it is never without.
      if (how !== 'newcomer')
        for (const { resources } of answers) expect(resources.map((entry) => entry.split('=')[0])).toContain('a')
      expect(verdicts.rejections.filter(({ pinned }) => pinned)).toEqual([])
      expect(lines(engine.client('sotw', 'new').ask('cds'))).toEqual([
        `cds: a=2 b=2 c=1 ${added.map((name) => `${name}=1`).join(' ')}`,
      ])
      if (how.includes('comes back')) {
        // Nothing is held back from it to find out more: it keeps what it has.
        expect(answers).toHaveLength(1)
        expect(verdicts.rejections).toEqual([])
        return
      }
      expect(verdicts.rejections.map(({ resource, refusedBy }) => [resource.name, ...refusedBy])).toEqual([
        ['a', 'odd'],
      ])
      expect(answers.at(-1)!.resources.toSorted()).toEqual(['a=1', 'b=2', 'c=1', ...added.map((name) => `${name}=1`)])
    })
  },
)

test('what somebody else refuses is not blamed for what this client refuses', () => {
  const { mesh, engine, verdicts, publish, up } = start(cds('x', '1'), cds('y', '1'))
  const clients = ['one', 'two', 'odd'].map((id) => up('sotw', id))
  mesh.put(cds('x', '2'))
  publish()
  for (const client of clients) {
    const [answer] = client.flow()
    if (client === clients[2]) accept(client, client.nack(answer!, naming(['x'])))
    else client.ack(answer!)
  }
  mesh.put(cds('y', 'bad'), cds('z', '1'))
  publish()
  judge(clients[0]!, clients[0]!.flow(), silent)
  engine.log.refresh()
  judge(clients[0]!, clients[0]!.flow(), silent)
  expect(verdicts.rejections.map(({ resource, refusedBy }) => [resource.name, ...refusedBy])).toEqual([
    ['x', 'odd'],
    ['y', 'one'],
  ])
})

test('a full set that differs in one thing from what the client accepted is refused because of that: nothing is tried', () => {
  const { mesh, verdicts, publish, up } = start(cds('a', '1'), cds('b', '1'))
  const client = up('sotw', 'one')
  mesh.put(cds('b', 'bad'))
  publish()
  expect(lines(judge(client, client.flow(), silent))).toEqual(['cds: a=1 b=bad', 'cds: a=1 b=1'])
  expect(verdicts.rejections.map(({ resource }) => resource.name)).toEqual(['b'])
})

describe.each(['delta', 'sotw'] as const)('%s: a refused resource', (form) => {
  test('that is a secret comes alone, because a client takes without a word what it refused before', () => {
    const names = Array.from({ length: 40 }, (_, index) => `s${index}`)
    const bad = new Set(['s2', 's3', 's39'])
    const { engine, verdicts } = start(
      ...names.map((name) => fakeResource('sds', name, bad.has(name) ? `bad ${name}` : name)),
    )
    const client = engine.client(form, 'one')
    const answers = [...client.ask('sds', { names })]
    for (const answer of answers) {
      const held = answer.resources.map((entry) => entry.split('=')[0]!)
      const refused = held.filter((name) => bad.delete(name))
      answers.push(...(refused.length > 0 ? client.nack(answer, silent(), names) : client.ack(answer, names)))
    }
    expect(verdicts.rejections.map(({ resource }) => resource.name)).toEqual(['s2', 's3', 's39'])
    engine.log.refresh()
    for (const answer of client.flow()) client.ack(answer, names)
    expect(client.client.settled('sds')).toBe(true)
    expect(client.client.place('sds')!.nack).toMatchObject({ message: silent() })
  })

  test('is found by halving when the text names nobody', () => {
    const many = Array.from({ length: 16 }, (_, index) => cds(`c${index}`, '1'))
    const { mesh, publish, up, verdicts, engine } = start(...many)
    const client = up(form, 'one')
    mesh.put(...many.map(({ name }) => cds(name, name === 'c5' || name === 'c12' ? 'bad' : '2')))
    publish()
    const answers = judge(client, client.flow(), silent)
    expect(verdicts.rejections.map(({ resource }) => resource.name)).toEqual(['c5', 'c12'])
    expect(answers.length).toBeLessThan(24)
    engine.log.refresh()
    judge(client, client.flow(), silent)
    const held = new Map(
      answers
        .flatMap((answer) => answer.resources)
        .filter((entry) => !entry.endsWith('=bad'))
        .map((entry) => entry.split('=') as [string, string]),
    )
    for (const { name } of many) if (name !== 'c5' && name !== 'c12') expect(held.get(name)).toBe('2')
    expect(client.client.settled('cds')).toBe(true)
  })

  test('is found also when the client asks for more amid the search, and refuses some of that', () => {
    const many = ['a', 'b', 'c', 'd', 'p', 'q'].map((name) => cds(name, name === 'd' || name === 'q' ? 'bad' : '1'))
    const { engine, verdicts } = start(...many)
    const client = engine.client(form, 'one')
    const [few, all] = [4, 6].map((count) => many.slice(0, count).map(({ name }) => name))
    const [first] = client.ask('cds', { names: few! })
    const trial = client.nack(first!, silent(), few)
    const answers = judge(client, [...trial, ...client.ask('cds', { names: all! })], silent, all)
    engine.log.refresh()
    answers.push(...judge(client, client.flow(), silent, all))
    expect(verdicts.rejections.map(({ resource }) => resource.name).sort()).toEqual(['d', 'q'])
    const held = new Set(answers.flatMap(({ resources }) => resources))
    for (const name of ['a', 'b', 'c', 'p']) expect(held).toContain(`${name}=1`)
    expect(client.client.settled('cds')).toBe(true)
  })

  test('what is left to try when the search keeps a change waiting too long goes along with that change', () => {
    const many = Array.from({ length: 4 }, (_, index) => cds(`c${index}`, '1'))
    const { mesh, publish, up, engine } = start(...many)
    const client = up(form, 'one')
    mesh.put(...many.map(({ name }) => cds(name, name === 'c1' ? 'bad' : '2')))
    publish()
    const trial = client.nack(only(client.flow()), silent())
    mesh.put(cds('new', '1'))
    publish()
    client.flow()
    engine.now += 5000
    const answers = judge(client, [...trial, ...client.flow()], silent)
    engine.log.refresh()
    answers.push(...judge(client, client.flow(), silent))
    const held = new Set(
      answers.filter(({ resources }) => !resources.includes('c1=bad')).flatMap(({ resources }) => resources),
    )
    for (const name of ['c0=2', 'c2=2', 'c3=2', 'new=1']) expect(held).toContain(name)
    expect(client.client.settled('cds')).toBe(true)
  })

  test.each([0, 1, 2, 3])('that goes before it is found blames nobody (after %i refusals)', (refusals) => {
    const { mesh, engine, publish, up, verdicts } = start(cds('a', '1'))
    const client = up(form, 'one')
    const sets = ['p', 'q', 'r', 's', 't'].map((name) => cds(name, 'bad'))
    mesh.put(...sets)
    publish()
    let answers = client.flow()
    for (let i = 0; i < refusals; i++) answers = client.nack(answers[0]!, silent())
    for (const { name } of sets) mesh.delete('cds', name)
    mesh.put(cds('y', '1'), cds('z', '1'))
    publish()
    const last = judge(client, [...answers, ...client.flow()], silent)
    engine.log.refresh()
    last.push(...judge(client, client.flow(), silent))
    expect(verdicts.rejections).toEqual([])
    const book = new StatusBook(() => 5)
    const about = { stream: 1, node: { id: 'one' } as NodeInfo, peer: '', identities: undefined, connectedAt: 0 }
    book.opened({ ...about, client: client.client })
    expect(book.clients()[0]!.types).toMatchObject([{ state: 'SYNCED' }])
    expect(last.flatMap(({ resources }) => resources)).toContain('y=1')
    expect(last.flatMap(({ resources }) => resources)).toContain('z=1')
  })
})
