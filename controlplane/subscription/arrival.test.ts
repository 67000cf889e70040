import { describe, expect, test } from 'vitest'
import { random } from '../../codecs/mutated.ts'
import { FakeMesh } from '../../test/helpers/fake-mesh.ts'
import { seedFor } from '../../test/helpers/repeat.ts'
import { type Answer, type Ask, cds, Engine, type EngineClient, lines, settle } from '../../test/helpers/xds-engine.ts'
import { ClassLog } from './class-log.ts'

const many = (count: number, from = 0) => Array.from({ length: count }, (_, index) => `n${from + index}`)
const holding = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, 'held']))

/** @param past names that are let go of: others stand in their place */
function lazyEngine(clusters: readonly string[], past: ReadonlySet<string> = new Set()) {
  const mesh = new FakeMesh().put(...clusters.map((name) => cds(name, '1', `e-${name}`)))
  for (const name of clusters) mesh.lazy.add(name)
  return new Engine(mesh, undefined, undefined, { present: (name) => (past.has(name) ? `${name}~1` : name) })
}

function done(steps: Generator<void> | undefined): number {
  let count = 0
  while (steps && !steps.next().done) count++
  return count
}

describe('a client that comes back with very much', () => {
  test('is followed in steps before its request is taken; few names, and a client that is new, need none', () => {
    const engine = lazyEngine(many(100))
    const client = engine.client('delta')
    expect(client.arriving('cds', { names: many(10), initial: holding(many(20)) })).toBeUndefined()
    expect(client.arriving('cds', { names: many(500) }), 'what a new one asks for is taken in portions').toBeUndefined()
    expect(engine.client('sotw').arriving('cds', { names: many(500), version: '1' })).toBeUndefined()
    const ask: Ask = { names: ['*'], initial: holding(many(1000)) }
    expect(done(client.arriving('cds', ask))).toBeGreaterThan(20)
    expect(engine.log.of('cds').follows('n999')).toBe(true)
    expect(engine.log.of('eds').follows('e-n99'), 'what is there comes with its endpoints').toBe(true)
    client.tell('cds', ask)
    const other = engine.client('delta')
    expect(other.arriving('cds', ask), 'all of it is known').toBeUndefined()
  })

  test('is followed in what it is told of only, type by type, and not in authorities', () => {
    const engine = lazyEngine(many(100), new Set(['n7']))
    const client = engine.client('delta')
    const ask: Ask = { names: ['*', 'n1'], initial: holding(many(1000)) }
    expect(client.arriving('vhds', { names: many(500), initial: holding(many(500)) })).toBeUndefined()
    done(client.arriving('cds', ask))
    expect(['n6', 'n7', 'n7~1', '*'].map((name) => engine.log.of('cds').follows(name))).toEqual([
      true,
      false,
      false,
      false,
    ])
    client.tell('cds', ask)
    const endpoints = { names: many(500, 2000), initial: holding(many(500, 2000)) }
    expect(done(client.arriving('eds', endpoints))).toBeGreaterThan(10)
  })

  test('gets what it would get if its request had been taken at once', ({ task }) => {
    for (let seed = seedFor(task, 1), end = seed + 40; seed < end; seed++) {
      const any = random(seed)
      const names = many(300)
      const some = (of: number) => names.filter(() => any(of) === 0)
      const [there, held, asked] = [some(2), some(2), some(1 + any(9))]
      const initial = Object.fromEntries(held.map((name) => [name, any(2) === 0 ? cds(name, '1').version : 'other']))
      const ask: Ask = { names: any(2) === 0 ? ['*', ...asked] : asked, initial }
      const changes = names.filter(() => any(20) === 0).map((name) => ({ name, gone: any(2) === 0 }))
      const pace = 1 + any(12)
      const [past, lately] = [some(20), some(20)]
      const take = (inSteps: boolean) => {
        const letGo = new Set(past)
        const engine = lazyEngine(there, letGo)
        const { mesh } = engine
        const neighbour = engine.client('delta', 'neighbour')
        settle(neighbour, neighbour.ask('cds', { names: ['*', 'n1', 'n2'] }))
        const client = engine.client('delta')
        const steps = inSteps ? client.arriving('cds', ask) : undefined
        for (const { name, gone } of changes) {
          for (let step = 0; step < pace; step++) steps?.next()
          if (gone) mesh.delete('cds', name)
          else mesh.put(cds(name, '2', `e-${name}`))
          engine.publish()
          settle(neighbour, neighbour.flow())
        }
        done(steps)
        for (const name of lately) letGo.add(name)
        client.tell('cds', ask)
        // Which of several updates goes first is of no concern.
        const told = [words(settle(client, client.flow()))]
        engine.now += 5000
        told.push(words(settle(client, client.flow())))
        mesh.put(...names.map((name) => cds(name, '3')))
        engine.publish()
        told.push(words(settle(client, client.flow())))
        client.client.close()
        neighbour.client.close()
        const left = names.filter((name) => engine.log.of('cds').follows(name))
        expect(left, `seed ${seed}: followed for nobody`).toEqual([])
        return told
      }
      expect(take(true), `seed ${seed}`).toEqual(take(false))
    }
  })

  test('and leaves before its request is taken leaves nothing behind', () => {
    const engine = lazyEngine(many(100))
    const client = engine.client('delta')
    const steps = client.arriving('cds', { names: many(2), initial: holding(many(1000)) })!
    for (let step = 0; step < 10; step++) steps.next()
    expect(engine.log.of('cds').hasReaders).toBe(true)
    client.client.close()
    expect(engine.log.of('cds').hasReaders).toBe(false)
    expect(done(steps), 'nothing more is looked up').toBe(0)
    expect(engine.log.of('cds').hasReaders).toBe(false)
  })

  test('and belongs to another class before its request is taken is followed by that one', () => {
    const engine = lazyEngine(many(100))
    const { log, epoch } = engine
    const other = new ClassLog(log.view, epoch, log.verdicts)
    const client: EngineClient = engine.client('delta')
    const ask: Ask = { names: ['n1'], initial: holding(many(1000)) }
    const steps = client.arriving('cds', ask)!
    for (let step = 0; step < 10; step++) steps.next()
    client.client.move(other, engine.now)
    expect(log.of('cds').hasReaders).toBe(false)
    expect(done(steps)).toBeGreaterThan(20)
    expect(other.of('cds').follows('n999')).toBe(true)
    client.tell('cds', ask)
    client.client.close()
    expect(other.of('cds').hasReaders).toBe(false)
  })
})

const words = (answers: readonly Answer[]) =>
  lines(answers)
    .flatMap((line) => line.split(' '))
    .sort()
