import { mkdtemp, readdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { cell } from '../model/cells.ts'
import type { NodeInfo, OnDemand } from '../xds/resource.ts'
import { GenerationBook } from './generations.ts'
import { type Holder, lettingGo, type Usage } from './letting-go.ts'
import { OnDemandMemory } from './memory.ts'
import { onDemandMetrics } from './metrics.ts'
import { stateFromJson, stateToJson } from './state.ts'
import { stateFile } from './state-file.ts'
import { WorkingSets } from './working-sets.ts'
import { workloadOf } from './workload.ts'

const node = (id: string, metadata: Record<string, unknown> = {}) => ({ id, cluster: 'c', metadata })

describe('the workload of a node', () => {
  it.each([
    ['sidecar~10.0.0.1~reviews-6d4cf56db6-x7k2p.shop~shop.svc.cluster.local', {}, 'sidecar/shop/reviews'],
    ['sidecar~10.0.0.1~reviews-v2-6d4cf56db6-x7k2p.shop~shop.svc.cluster.local', {}, 'sidecar/shop/reviews-v2'],
    ['sidecar~10.0.0.1~reviews-x7k2p.shop~shop.svc.cluster.local', {}, 'sidecar/shop/reviews'],
    ['sidecar~10.0.0.1~shop-admin.shop~shop.svc.cluster.local', {}, 'sidecar/shop/shop-admin'],
    ['sidecar~10.0.0.1~my-orders-cache.shop~shop.svc.cluster.local', {}, 'sidecar/shop/my-orders-cache'],
    ['sidecar~10.0.0.1~db-0.shop~shop.svc.cluster.local', {}, 'sidecar/shop/db'],
    ['sidecar~10.0.0.1~web.shop~shop.svc.cluster.local', {}, 'sidecar/shop/web'],
    ['sidecar~10.0.0.1~x.shop~shop.svc.cluster.local', { WORKLOAD_NAME: 'cart' }, 'sidecar/shop/cart'],
    ['sidecar~10.0.0.1~x.shop~shop.svc.cluster.local', { LABELS: { app: 'cart' } }, 'sidecar/shop/cart'],
    ['sidecar~10.0.0.1~x.shop~shop.svc.cluster.local', { LABELS: null }, 'sidecar/shop/x'],
    ['sidecar~10.0.0.1~x.shop~shop.svc.cluster.local', { LABELS: 'app=cart' }, 'sidecar/shop/x'],
    ['any-name', { NAMESPACE: 'shop' }, '/shop/c'],
  ])('%s %j is %s', (id, metadata, expected) => expect(workloadOf(node(id, metadata))).toBe(expected))
})

describe('generations', () => {
  it('no number is given twice for one cluster, whatever the class, and none goes back', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            of: fc.constantFrom('A', 'B', 'C'),
            cluster: fc.constantFrom('x', 'y'),
            learned: fc.option(fc.nat(20)),
          }),
        ),
        (steps) => {
          const book = new GenerationBook()
          const given = new Map<string, Set<number>>()
          for (const { of, cluster, learned } of steps) {
            const before = book.of(of, cluster)
            if (learned !== null) book.learn(of, new Map([[cluster, learned]]))
            else {
              book.next(of, [cluster])
              const seen = given.get(cluster) ?? new Set()
              expect(seen).not.toContain(book.of(of, cluster))
              given.set(cluster, seen.add(book.of(of, cluster)))
            }
            expect(book.of(of, cluster)).toBeGreaterThanOrEqual(before)
          }
        },
      ),
    )
  })

  it('a number some proxy has asked for, given by a control plane that is gone, is not given again', () => {
    const book = new GenerationBook()
    book.learn('A', new Map([['x', 2]]))
    book.burn('x', 3)
    expect(book.of('A', 'x')).toBe(2)
    book.next('A', ['x'])
    expect(book.of('A', 'x')).toBe(4)
  })

  it('nor is a higher one, when it hears of a lower one after', () => {
    const book = new GenerationBook()
    for (const generation of [5, 3]) book.burn('x', generation)
    book.next('A', ['x'])
    expect(book.of('A', 'x')).toBe(6)
  })

  it('who read a number before there was one is told when there is', () => {
    const book = new GenerationBook()
    const read = cell(() => book.of('A', 'x'))
    expect(read()).toBe(0)
    book.next('A', ['x'])
    expect(read()).toBe(1)
  })

  it('of too many clusters the one that changed longest ago is forgotten', () => {
    const book = new GenerationBook()
    book.next(
      'A',
      Array.from({ length: 200_000 }, (_, n) => `c${n}`),
    )
    book.next('A', ['c0'])
    book.next('A', ['new'])
    expect(['c0', 'c1', 'c2', 'new'].map((cluster) => book.of('A', cluster))).toEqual([2, 0, 1, 1])
    expect(book.renamed('A')).toHaveLength(200_000)
  })

  it('a client cannot drive numbers to where they end', () => {
    const book = new GenerationBook()
    book.learn('A', new Map([['x', Number.MAX_SAFE_INTEGER]]))
    book.burn('x', Number.MAX_SAFE_INTEGER)
    expect(book.of('A', 'x')).toBe(0)
    book.next('A', ['x'])
    expect(book.of('A', 'x')).toBe(1)
  })
})

describe('working sets', () => {
  it('forget what was learned first when they are full', () => {
    const sets = new WorkingSets({ workloads: 2, clusters: 2 })
    sets.learn('a', ['1', '2', '3'])
    expect([...sets.of('a')]).toEqual(['2', '3'])
    sets.learn('b', ['1'])
    sets.learn('c', ['1'])
    expect([...sets.snapshot().keys()]).toEqual(['b', 'c'])
  })
})

describe('letting go', () => {
  const policy = { idleMs: 1000, batch: 10 }
  const all = () => true
  const usage = (reports: Record<string, Record<string, number>>): Usage => ({
    reporting: (name) => name in reports,
    lastUsed: (name, cluster) => reports[name]?.[cluster],
  })
  const holder = (name: string, clusters: string[], workload = 'w'): Holder => ({ node: name, workload, clusters })

  it.each<[string, Holder[], Record<string, Record<string, number>>, string[]]>([
    ['what nobody used for the time goes', [holder('a', ['x'])], { a: { x: 0 } }, ['x']],
    ['what one uses stays', [holder('a', ['x']), holder('b', ['x'])], { a: { x: 0 }, b: { x: 5000 } }, []],
    ['what a silent proxy holds stays', [holder('a', ['x']), holder('b', ['x'])], { a: { x: 0 } }, []],
    ['what is not listed yet stays', [holder('a', ['x'])], { a: {} }, []],
    [
      'a silent proxy does not keep what it does not hold',
      [holder('a', ['x']), holder('b', ['y'])],
      { a: { x: 0 } },
      ['x'],
    ],
  ])('%s', (_, holders, reports, unused) => {
    expect(lettingGo(holders, usage(reports), all, policy, 5500).unused).toEqual(unused)
  })

  it('goes in batches, what was unused longest first, and never takes what may not go', () => {
    const clusters = ['a', 'b', 'c', 'd']
    const last = { a: 3, b: 2, c: 1, d: 0 }
    const found = lettingGo(
      [holder('n', clusters)],
      usage({ n: last }),
      (name) => name !== 'd',
      { idleMs: 10, batch: 2 },
      100,
    )
    expect(found.unused).toEqual(['c', 'b'])
  })

  it.each([
    [0, 1000],
    [1, 2000],
    [3, 8000],
    [10, 1_024_000],
    [50, 1_024_000],
  ])('what went %i times before goes after %i ms without use', (before, idleMs) => {
    const letGo = (now: number) =>
      lettingGo([holder('a', ['x'])], usage({ a: { x: 0 } }), all, { ...policy, times: () => before }, now)
    expect(letGo(idleMs - 1)).toEqual({ unused: [], unlearned: new Map() })
    expect(letGo(idleMs)).toEqual({ unused: ['x'], unlearned: new Map([['w', ['x']]]) })
  })

  it('a workload unlearns what only others of its class use', () => {
    const holders = [holder('a', ['x'], 'one'), holder('b', ['x'], 'two')]
    const found = lettingGo(holders, usage({ a: { x: 0 }, b: { x: 5000 } }), all, policy, 5500)
    expect(found).toEqual({ unused: [], unlearned: new Map([['one', ['x']]]) })
  })
})

describe('looking for what nobody uses', () => {
  const web = {
    ...node('sidecar~1~web-1.shop~shop.svc.cluster.local'),
    locality: {},
    userAgent: '',
  } as unknown as NodeInfo
  const names = ['idle', 'used', 'always'].map((name) => `outbound|80||${name}.test`)
  const [idle, used, always] = names as [string, string, string]
  /** It has a name of its own no more: it is on its way out already. */
  const renamed = 'outbound|80||renamed.test'

  function looking(idleMs = 1000) {
    const memory = new OnDemandMemory({
      usage: { reporting: () => true, lastUsed: (_, cluster) => (cluster === used ? 9500 : 0) },
      idleMs: () => idleMs,
      logger: { info: () => {}, warn: () => {} },
      now: () => 10_000,
    })
    const present = (cluster: string) => (cluster === renamed ? `${cluster}~1` : cluster)
    const onDemand = { eager: () => [always], present } as unknown as OnDemand
    memory.workingSet(web).asked([...names, renamed])
    const proxy = { node: web, classKey: 'K', onDemand, clusters: [...names, renamed, 'inbound|80||', 'mine'] }
    const sweep = (keepsAll = false) =>
      memory.sweep([
        { ...proxy, keepsAll },
        { ...proxy, keepsAll: false },
      ])
    return { memory, sweep }
  }

  it('takes what a request brings back under another name, never what is always sent or is no service; it is counted and unlearned', async () => {
    const { memory, sweep } = looking()
    const registry = new Registry()
    onDemandMetrics(registry, memory)
    const figure = async (name: string) => (await registry.getSingleMetric(name)!.get()).values[0]!.value
    expect(await figure('meshgate_ondemand_evicted_clusters')).toBe(0)
    expect(sweep()).toBe(1)
    expect(memory.generations.renamed('K')).toEqual([idle])
    expect([...memory.workingSet(web).learned()]).toEqual([used, always, renamed])
    expect(await figure('meshgate_ondemand_evicted_clusters')).toBe(1)
    expect(await figure('meshgate_ondemand_workloads')).toBe(1)
  })

  it('takes nothing of what a proxy holds that remembers too many names of clusters that went', () => {
    const { memory, sweep } = looking()
    expect(sweep(true)).toBe(0)
    expect([...memory.workingSet(web).learned()]).toEqual([...names, renamed])
    expect(sweep()).toBe(1)
  })

  it('counts for each class how often it took a cluster', () => {
    const { memory, sweep } = looking()
    sweep()
    expect([memory.generations.times('K', idle), memory.generations.times('K', used)]).toEqual([1, 0])
    expect(memory.generations.times('other', idle)).toBe(0)
  })

  it('takes nothing without a time', () => {
    const { memory, sweep } = looking(0)
    expect(sweep()).toBe(0)
    expect(memory.generations.renamed('K')).toEqual([])
  })
})

describe('the state', () => {
  const logged: string[] = []
  const logger = { info: () => {}, warn: (_: object, message: string) => void logged.push(message) }
  const silent: Usage = { reporting: () => false, lastUsed: () => undefined }
  const memory = (path: string) =>
    new OnDemandMemory({ store: stateFile(path), usage: silent, idleMs: () => 0, logger })
  const web = { ...node('sidecar~1~web-1.shop~shop.svc.cluster.local'), locality: {}, userAgent: '' } as never

  it('reads what it wrote', () => {
    const state = {
      workloads: new Map([['w', new Set(['a', 'b'])]]),
      generations: new Map([['{"type":"sidecar"}', new Map([['a', 3]])]]),
    }
    expect(stateFromJson([...stateToJson(state)].join(''))).toEqual(state)
  })

  it('survives the process: a new replica knows what the others used, and burnt names stay burnt', async () => {
    const path = join(await mkdtemp(join(tmpdir(), 'meshgate-state-')), 'sub', 'state.json')
    const first = memory(path)
    await first.load()
    first.workingSet(web).asked(['outbound|80||a.test~2', 'outbound|80||b.test'])
    first.generations.next('K', ['outbound|80||a.test'])
    await first.stop()
    const second = memory(path)
    await second.load()
    expect([...second.workingSet(web).learned()]).toEqual(['outbound|80||a.test', 'outbound|80||b.test'])
    expect(second.generations.of('K', 'outbound|80||a.test')).toBe(1)
    expect(await readdir(join(path, '..'))).toEqual(['state.json'])
  })

  it('that cannot be read costs cold requests, not the start, and is told', async () => {
    const path = join(await mkdtemp(join(tmpdir(), 'meshgate-state-')), 'state.json')
    await writeFile(path, '{"version": 1, "workloads": ')
    const one = memory(path)
    await one.load()
    expect([...one.workingSet(web).learned()]).toEqual([])
    expect(logged).toEqual(['what workloads use is not known: their new replicas start cold'])
  })
})
