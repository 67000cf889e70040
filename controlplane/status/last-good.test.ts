import { describe, expect, test } from 'vitest'
import { FakeMesh, fakeResource } from '../../test/helpers/fake-mesh.ts'
import { type Answer, Engine, type EngineClient, lines, only } from '../../test/helpers/xds-engine.ts'
import type { ConfigObject } from '../config/object.ts'
import type { NodeInfo, Resource } from '../xds/resource.ts'
import { StatusBook } from './book.ts'
import { LastGood, type Rejection } from './last-good.ts'
import { toDiagnostic } from './rejection.ts'

const cds = (name: string, content: string) => fakeResource('cds', name, content)
const lds = (name: string, content: string) => fakeResource('lds', name, content)

function start(...resources: readonly Resource[]) {
  const mesh = new FakeMesh().put(...resources)
  let invalidate = () => {}
  const verdicts = new LastGood(
    () => invalidate(),
    () => 5,
  )
  const engine = new Engine(mesh, verdicts)
  invalidate = () => engine.log.invalidate()
  /** A round. */
  const publish = () => {
    mesh.publish()
    engine.log.refresh()
  }
  const up = (form: 'delta' | 'sotw', id: string) => {
    const client = engine.client(form, id)
    accept(client, client.ask('cds'))
    return client
  }
  return { mesh, engine, verdicts, publish, up }
}

/** Acknowledges until there is nothing more; what came. */
function accept(client: EngineClient, answers: readonly Answer[]): Answer[] {
  const all = [...answers]
  for (const answer of all) all.push(...client.ack(answer))
  return all
}

/**
 * Answers as a client that refuses resources whose content begins with `bad`; `say` makes its error text.
 * @param names its list
 */
function judge(
  client: EngineClient,
  answers: readonly Answer[],
  say: (bad: readonly string[]) => string,
  names: readonly string[] = [],
): Answer[] {
  const all = [...answers]
  for (const answer of all) {
    const bad = answer.resources
      .filter((entry) => entry.split('=')[1]!.startsWith('bad'))
      .map((entry) => entry.split('=')[0]!)
    all.push(...(bad.length > 0 ? client.nack(answer, say(bad), names) : client.ack(answer, names)))
    if (all.length > 100) throw new Error(`it loops: ${lines(all).slice(0, 10).join('; ')}`)
  }
  return all
}

const naming = (bad: readonly string[]) =>
  `Error adding/updating cluster(s) ${bad.map((name) => `${name}: no good`).join(', ')}`
const silent = () => 'Proto constraint validation failed'

test('a refused resource is complained about where it stands by now', () => {
  const at = (line: number) => {
    const locate = () => ({ file: 'a.yaml', line, column: 1 })
    return { origins: [{ object: { source: { locate } } as unknown as ConfigObject, path: ['spec'] }] }
  }
  const { mesh, publish, verdicts, engine } = start(fakeResource('cds', 'a', 'bad', at(3)))
  const client = engine.client('delta', 'one')
  judge(client, client.ask('cds'), naming)
  const lines = () => verdicts.rejections.map((rejection) => toDiagnostic(rejection).line)
  expect(lines()).toEqual([3])
  // The same bytes, from another place.
  mesh.put(fakeResource('cds', 'a', 'bad', at(7)))
  publish()
  expect(lines()).toEqual([7])
  // Not answered yet.
  mesh.put(fakeResource('cds', 'a', 'fine', at(9)))
  publish()
  expect(lines()).toEqual([9])
})

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

test('the complaint stands at the line the resource came from', () => {
  const object = {
    source: { locate: (path: readonly unknown[]) => ({ file: 'rules.yaml', line: 3 + path.length, column: 5 }) },
  } as unknown as ConfigObject
  const resource = fakeResource('cds', 'b', 'bad', { origins: [{ object, path: ['spec', 'subsets', 0] }] })
  const verdicts = new LastGood(() => {})
  verdicts.blame('one', [resource], 'no good', { type: 'cds', upserts: [resource], acks: 0 }, () => [])
  expect(toDiagnostic(verdicts.rejections[0]!)).toEqual({
    code: 'XDS_REJECTED',
    severity: 'error',
    message: 'proxies refused cluster "b": no good',
    file: 'rules.yaml',
    line: 6,
    column: 5,
    path: 'spec.subsets[0]',
    hint: 'no version of it was ever accepted: it is left out',
  })
})

test.each([
  ['some refuse and nobody took', 2, 0, false, undefined, 'error', 'proxies refused', 'keep what they had'],
  ['some refuse and others took', 2, 1, false, undefined, 'warning', '2 of 3 proxies refused', 'keep what they had'],
  [
    'the class gets an older one instead of',
    1,
    2,
    true,
    '1',
    'error',
    '1 of 3 proxies refused',
    'last accepted version',
  ],
  ['the class goes without', 1, 0, true, undefined, 'error', 'proxies refused', 'no version of it was ever accepted'],
])('what %s: how bad it is', (_, refused, acceptedBy, pinned, servedVersion, severity, message, hint) => {
  const resource = fakeResource('cds', 'b', 'bad')
  const refusedBy = new Set(Array.from({ length: refused }, (__, i) => `${i}`))
  const rejection: Rejection = {
    resource,
    origins: [],
    error: 'no good',
    at: 0,
    refusedBy,
    unableBy: new Set(),
    acceptedBy,
    pinned,
    servedVersion,
    current: true,
  }
  expect(toDiagnostic(rejection)).toMatchObject({
    severity,
    message: `${message} cluster "b": no good`,
    hint: expect.stringContaining(hint),
  })
})

describe.each(['delta', 'sotw'] as const)('a listener whose address is taken on one machine (%s)', (form) => {
  const lds = (content: string) => fakeResource('lds', 'web', content)
  const taken = "Error adding/updating listener(s) web: cannot bind '0.0.0.0:80': Address already in use"
  const at = { peer: '', identities: undefined, connectedAt: 0 }

  /** Two proxies of one class; the machine of the first has the address taken. */
  function two() {
    const mesh = new FakeMesh().put(lds('1'))
    const book = new StatusBook(() => 5)
    const verdicts = book.verdicts('all', () => engine.log.invalidate())
    const engine: Engine = new Engine(mesh, verdicts)
    const connect = (stream: number, id: string) => {
      const client = engine.client(form, id)
      book.opened({ ...at, stream, node: { id } as NodeInfo, client: client.client })
      return client
    }
    const busy = connect(1, 'busy')
    for (const answer of busy.ask('lds'))
      expect(lines(accept(busy, busy.nack(answer, taken))).join()).not.toContain('web')
    engine.log.refresh()
    const free = connect(2, 'free')
    return { book, busy, connect, engine, free, mesh, verdicts }
  }

  test('stays with the others', () => {
    const { book, engine, free, verdicts } = two()
    expect(lines(accept(free, free.ask('lds')))).toEqual(['lds: web=1'])
    engine.log.refresh()
    expect(verdicts.rejections).toMatchObject([{ pinned: false, unableBy: new Set(['busy']) }])
    expect(book.client('busy')[0]!.types).toMatchObject([{ state: 'NACK', nack: { culprits: ['web'] } }])
    expect(book.diagnostics()).toMatchObject([
      { severity: 'warning', message: expect.stringContaining(taken.slice(44)) },
    ])
  })

  test('is tried again when the proxy comes back, and the complaint goes when it has it', () => {
    const { book, connect, verdicts } = two()
    book.closed(1)
    const again = connect(3, 'busy')
    expect(lines(accept(again, again.ask('lds')))).toEqual(['lds: web=1'])
    expect(verdicts.rejections).toEqual([])
    expect(book.diagnostics()).toEqual([])
  })

  test('is offered again to that proxy alone, after pauses that grow, and the complaint goes when it has it', () => {
    const { book, busy, engine, free, verdicts } = two()
    accept(free, free.ask('lds'))
    engine.log.refresh()
    for (const pauseMs of [5_000, 10_000, 20_000, 40_000, 80_000, 120_000, 120_000]) {
      expect(busy.flow()).toEqual([])
      expect(busy.client.wakeAt).toBe(engine.now + pauseMs)
      engine.now += pauseMs - 1
      expect(busy.flow()).toEqual([])
      engine.now += 1
      const [offered, ...more] = busy.flow()
      expect(lines([offered!, ...more])).toEqual(['lds: web=1'])
      // It is known all the time, also while the answer is awaited.
      expect(verdicts.rejections).toMatchObject([{ unableBy: new Set(['busy']) }])
      expect(book.client('busy')[0]!.types).toMatchObject([{ state: 'NACK' }])
      expect(busy.nack(offered!, taken), 'it has everything else').toEqual([])
    }
    engine.now += 120_000
    expect(lines(accept(busy, busy.flow()))).toEqual(['lds: web=1'])
    expect(verdicts.rejections).toEqual([])
    expect(book.diagnostics()).toEqual([])
    engine.now += 600_000
    expect(busy.flow()).toEqual([])
    expect(busy.client.wakeAt).toBeUndefined()
    expect(free.flow()).toEqual([])
  })

  test('goes out with what changed meanwhile, which follows without it when it is refused', () => {
    const { busy, engine, free, mesh } = two()
    accept(free, free.ask('lds'))
    engine.log.refresh()
    expect(busy.flow()).toEqual([])
    engine.now += 5_000
    mesh.put(fakeResource('lds', 'more', '1'))
    mesh.publish()
    engine.log.refresh()
    const [offered, ...others] = busy.flow()
    expect(lines([offered!, ...others]).join()).toContain('web=1')
    expect(lines(accept(busy, busy.nack(offered!, taken))).join()).toBe('lds: more=1')
    expect(busy.flow()).toEqual([])
  })

  test('a removal that went out with it is said again when it is refused', () => {
    const { busy, engine, free, mesh } = two()
    accept(free, free.ask('lds'))
    mesh.put(fakeResource('lds', 'more', '1'))
    mesh.publish()
    engine.log.refresh()
    expect(lines(accept(busy, busy.flow()))).toEqual(['lds: more=1'])
    engine.now += 5_000
    mesh.delete('lds', 'more')
    mesh.publish()
    engine.log.refresh()
    const [offered] = busy.flow()
    const again = accept(busy, busy.nack(offered!, taken))
    expect(again.map(({ resources, removed }) => [...resources, ...removed])).toEqual([form === 'sotw' ? [] : ['more']])
  })

  test('is not sent over and over to who cannot open it', () => {
    const { busy, engine, mesh } = two()
    mesh.put(fakeResource('cds', 'a', '1'))
    mesh.publish()
    engine.log.refresh()
    expect(busy.flow()).toEqual([])
  })

  test('comes newly made to all, and who cannot open that keeps what it has', () => {
    const { busy, engine, free, mesh } = two()
    accept(free, free.ask('lds'))
    mesh.put(lds('2'))
    mesh.publish()
    engine.log.refresh()
    expect(lines(accept(free, free.flow()))).toEqual(['lds: web=2'])
    expect(lines(busy.flow())).toEqual(['lds: web=2'])
  })
})
