import { describe, expect, test } from 'vitest'
import { FakeMesh, fakeResource } from '../../test/helpers/fake-mesh.ts'
import { Engine, lines } from '../../test/helpers/xds-engine.ts'
import type { NodeInfo } from '../xds/resource.ts'
import { StatusBook } from './book.ts'
import { accept } from './fixture.ts'

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

  test('what else is refused meanwhile does not make the pause longer', () => {
    const { busy, engine, free, mesh } = two()
    accept(free, free.ask('lds'))
    engine.log.refresh()
    busy.flow()
    engine.now += 5_000
    expect(busy.nack(busy.flow()[0]!, taken)).toEqual([])
    const next = engine.now + 10_000
    engine.now += 3_000
    mesh.put(fakeResource('lds', 'more', '1'))
    mesh.publish()
    engine.log.refresh()
    const [wrong] = busy.flow()
    accept(busy, busy.nack(wrong!, 'Error adding/updating listener(s) more: no filter chains'))
    expect(busy.client.wakeAt).toBe(next)
    engine.now = next
    expect(lines(busy.flow()).join()).toContain('web=1')
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
