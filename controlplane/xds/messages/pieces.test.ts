import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { configObjects } from '../../../test/helpers/objects.ts'
import { createModel } from '../../model/index.ts'
import { ClassView } from '../class-view.ts'
import { classify, relevance } from '../classify.ts'
import { gameService } from './fixture.ts'
import type { MsgRouter } from './msg-router.ts'
import { cut, type Piece } from './pieces.ts'

const named = (name: string) => ({ key: `MsgRouter/default/${name}` }) as MsgRouter
const routers = (count: number) => Array.from({ length: count }, (_, i) => named(`r${i}`))
const text = ({ name, routers }: Piece) => `${name}: ${routers.map(({ key }) => key).join()}`

describe('pieces of a long table', () => {
  it('few routers make none', () => {
    expect(cut('t', routers(127))).toEqual([])
  })

  it('hold every router once, in order, under different names', () => {
    for (const count of [128, 1000, 10_000]) {
      const all = routers(count)
      const pieces = cut('t', all)
      expect(pieces.flatMap((piece) => piece.routers)).toEqual(all)
      expect(new Set(pieces.map(({ name }) => name)).size).toBe(pieces.length)
      expect(pieces.length).toBeLessThan(count / 20)
    }
  })

  it('a router that comes, goes or is replaced leaves all pieces but two as they are', () => {
    const all = routers(2000)
    const before = new Set(cut('t', all).map(text))
    fc.assert(
      fc.property(
        fc.nat(1999),
        fc.constantFrom('add', 'remove', 'rename'),
        fc.string({ minLength: 1 }),
        (at, what, name) => {
          const fresh = what === 'remove' ? [] : [named(`new ${name}`)]
          const after = cut('t', [...all.slice(0, at), ...fresh, ...all.slice(what === 'add' ? at : at + 1)])
          expect(after.filter((piece) => !before.has(text(piece))).length).toBeLessThanOrEqual(2)
        },
      ),
    )
  })
})

describe('many MsgRouters', () => {
  const router = (i: number, service: string) => `
apiVersion: meshgate.io/v1
kind: MsgRouter
metadata: {name: r${i}}
spec: {msgid: ${1000 + i}, svrName: ${service}}
---`
  const world = (services: (i: number) => string) =>
    configObjects(
      `${gameService('one.test')}${gameService('two.test')}${Array.from({ length: 500 }, (_, i) => router(i, services(i))).join('')}`,
    )

  it('an edit of one changes one resource, a small one, and the table names its pieces in order', () => {
    const model = createModel()
    const relevant = relevance(model)
    model.world.commit(world(() => 'one.test'))
    const proxy = classify(
      {
        id: 'message~10.0.0.1~client.default~default.svc.cluster.local',
        cluster: 'client',
        metadata: {},
        locality: { region: '', zone: '', subZone: '' },
        userAgent: 'meshgate',
        protocol: 'delta',
        secretsAllowed: true,
      },
      relevant(),
    )
    const view = new ClassView(model, proxy, {
      onFailure: (type, name, error) => {
        throw new Error(`${type} ${name}`, { cause: error })
      },
    })
    const versions = () => new Map(view.names('mrds').map((name) => [name, view.get('mrds', name)!]))
    const before = versions()
    expect(before.size).toBeGreaterThan(3)
    expect([...before.keys()].at(-1)).toBe('game.12345')
    model.world.commit(world((i) => (i === 250 ? 'two.test' : 'one.test')))
    const after = versions()
    expect([...after.keys()]).toEqual([...before.keys()])
    const changed = [...after].filter(([name, { version }]) => version !== before.get(name)!.version)
    expect(changed).toHaveLength(1)
    expect(changed[0]![1].bytes.length * 2).toBeLessThan(
      [...after.values()].reduce((sum, { bytes }) => sum + bytes.length, 0),
    )
    expect(changed[0]![1].origins.some(({ object }) => object.name === 'r250')).toBe(true)
  })
})
