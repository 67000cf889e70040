import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { LoadBook } from './load-book.ts'
import type { ClusterReport } from './load-report.ts'
import { steadyNow } from './steady-clock.ts'

const report = (
  cluster: string,
  issued = 0,
  more: Partial<ClusterReport['localities'][number]> = {},
): ClusterReport => ({
  cluster,
  dropped: 0,
  intervalMs: 1000,
  localities:
    issued === 0 && Object.keys(more).length === 0
      ? []
      : [{ locality: 'r/z', issued, succeeded: issued, failed: 0, inProgress: 0, ...more }],
})

function book(limits = {}) {
  const clock = { now: 1_000_000 }
  return { clock, book: new LoadBook(() => clock.now, limits) }
}

describe('load book', () => {
  it('adds up requests per node, cluster and locality', () => {
    const { book: loads } = book()
    loads.opened('a')
    loads.take('a', [report('c', 3), report('d', 0)])
    loads.take('a', [report('c', 6, { failed: 1, succeeded: 1, inProgress: 4 }), report('d', 0)])
    expect(loads.node('a')).toMatchObject({ issued: 9, failed: 1, inProgress: 4, clusters: 2, used: 1, streams: 1 })
    expect(loads.clustersOf('a')![0]).toMatchObject({
      cluster: 'c',
      issued: 9,
      localities: [{ locality: 'r/z', issued: 9, inProgress: 4 }],
    })
  })

  it('counts what found no connection as requests: a service of which nothing is left is asked, and its cluster used', () => {
    const { book: loads, clock } = book()
    loads.opened('a')
    loads.take('a', [report('dead'), report('half', 4, { succeeded: 2, inProgress: 2 }), report('slow')])
    clock.now += 1000
    const before = report('slow', 5, { succeeded: 0, inProgress: 5 })
    loads.take('a', [report('dead', 0, { failed: 6 }), report('half', 2, { succeeded: 3, failed: 4 }), before])
    expect(loads.clustersOf('a')).toMatchObject([
      { cluster: 'half', issued: 9, succeeded: 5, failed: 4 },
      { cluster: 'dead', issued: 6, failed: 6, lastUsedAt: clock.now },
      { cluster: 'slow', issued: 5, failed: 0, inProgress: 5 },
    ])
    loads.take('a', [report('slow', 0, { failed: 5 })])
    expect(loads.clustersOf('a')).toContainEqual(expect.objectContaining({ cluster: 'slow', issued: 5, failed: 5 }))
    loads.take('b', [report('slow', 1, { succeeded: 0, failed: 3, inProgress: 7 })])
    expect(loads.node('b')).toMatchObject({ issued: 3, failed: 3, inProgress: 7 })
  })

  it('in progress is of the last report, not a sum', () => {
    const { book: loads } = book()
    loads.opened('a')
    loads.opened('b')
    loads.take('a', [report('c', 1, { inProgress: 5 })])
    loads.take('b', [report('c', 1, { inProgress: 2 })])
    loads.take('a', [report('c')])
    expect(loads.clusters().get('c')).toMatchObject({ issued: 2, inProgress: 2 })
  })

  it('a new cluster counts as used, an unused one keeps the time of its last use', () => {
    const { book: loads, clock } = book()
    loads.opened('a')
    loads.take('a', [report('c', 1), report('d')])
    const first = clock.now
    clock.now += 1000
    loads.take('a', [report('c', 1), report('d')])
    clock.now += 1000
    loads.take('a', [report('c', 0, { inProgress: 1 }), report('d')])
    expect(loads.lastUsed('a', 'c')).toBe(clock.now)
    expect(loads.lastUsed('a', 'd')).toBe(first)
    expect(loads.lastUsed('a', 'never listed')).toBeUndefined()
  })

  it('forgets a cluster that is listed no more, and takes back what it had in progress', () => {
    const { book: loads, clock } = book()
    loads.opened('a')
    loads.take('a', [report('c', 1, { inProgress: 1 }), report('d')])
    for (let interval = 0; interval < 5; interval++) {
      clock.now += 1000
      loads.take('a', [report('d')])
    }
    expect(loads.lastUsed('a', 'c')).toBeUndefined()
    expect(loads.node('a')).toMatchObject({ clusters: 1, issued: 1, inProgress: 0 })
    expect(loads.clusters().get('c')).toMatchObject({ issued: 1, inProgress: 0 })
  })

  it('a generation of a cluster is no other cluster in the sums', () => {
    const { book: loads } = book()
    loads.take('a', [report('c', 1)])
    loads.take('a', [report('c~2', 2)])
    expect([...loads.clusters()].map(([name, { issued }]) => [name, issued])).toEqual([['c', 3]])
  })

  it('says nothing about a node that does not report', () => {
    const { book: loads } = book()
    expect(loads.reporting('a')).toBe(false)
    const closed = loads.opened('a')
    expect(loads.reporting('a')).toBe(false)
    loads.take('a', [])
    expect(loads.reporting('a')).toBe(true)
    closed()
    expect(loads.reporting('a')).toBe(false)
  })

  it('tells listeners each report, until they unsubscribe', () => {
    const { book: loads } = book()
    const heard: string[] = []
    const stop = loads.onReport(({ node, clusters }) => heard.push(`${node} ${clusters.length}`))
    loads.take('a', [report('c')])
    stop()
    loads.take('a', [report('c')])
    expect(heard).toEqual(['a 1'])
  })

  it('is bounded: entries, names, nodes that left; the sums stay right', () => {
    const { book: loads, clock } = book({ entries: 10, names: 3, keepGoneMs: 1000 })
    for (let node = 0; node < 5; node++) {
      const closed = loads.opened(`n${node}`)
      loads.take(
        `n${node}`,
        Array.from({ length: 4 }, (_, index) => report(`c${index}`, 1)),
      )
      closed()
    }
    expect(loads.overflow).toBe(10)
    expect([...loads.clusters().keys()]).toEqual(['c0', 'c1', 'c2', '_other'])
    expect([...loads.clusters().values()].reduce((sum, { issued }) => sum + issued, 0)).toBe(20)
    clock.now += 2000
    expect(loads.allNodes()).toEqual([])
  })

  it('gives the place of clusters that nobody lists any more to new ones, and keeps their requests in the sums', () => {
    const { book: loads, clock } = book({ names: 2 })
    loads.opened('a')
    const names = () => [...loads.clusters()].map(([name, { issued, inProgress }]) => [name, issued, inProgress])
    loads.take('a', [report('old', 3, { inProgress: 2 }), report('kept', 1)])
    loads.take('a', [report('new', 5), report('kept', 1)])
    expect(names()).toEqual([
      ['old', 3, 2],
      ['kept', 2, 0],
      ['_other', 5, 0],
    ])
    for (let interval = 0; interval < 2; interval++) {
      clock.now += 61_000
      loads.take('a', [report('kept')])
    }
    loads.take('a', [report('next', 7), report('kept')])
    expect(names()).toEqual([
      ['kept', 2, 0],
      ['_other', 8, 0],
      ['next', 7, 0],
    ])
  })

  it('sums over nodes are the sums of what was reported, whatever comes in whatever order', () => {
    const step = fc.record({
      node: fc.constantFrom('a', 'b', 'c'),
      wait: fc.nat(5000),
      counts: fc.dictionary(fc.constantFrom('x', 'y', 'z'), fc.record({ issued: fc.nat(9), inProgress: fc.nat(9) })),
    })
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const { book: loads, clock } = book()
        const issued: Record<string, number> = {}
        for (const { node, wait, counts } of steps) {
          clock.now += wait
          loads.take(
            node,
            Object.entries(counts).map(([cluster, { issued: sent, inProgress }]) => {
              issued[cluster] = (issued[cluster] ?? 0) + sent
              return report(cluster, sent, { inProgress })
            }),
          )
        }
        for (const [cluster, totals] of loads.clusters()) {
          expect(totals.issued).toBe(issued[cluster])
          const open = ['a', 'b', 'c'].flatMap((node) => loads.clustersOf(node) ?? [])
          expect(totals.inProgress).toBe(
            open.filter((one) => one.cluster === cluster).reduce((sum, one) => sum + one.inProgress, 0),
          )
        }
      }),
    )
  })
})

describe('when the clock of the machine is set forward by an hour', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  it('nothing becomes unused by that, and people are told times of the clock as it is now', () => {
    const loads = new LoadBook()
    loads.opened('a')
    loads.take('a', [report('c', 3)])
    const usedAt = loads.lastUsed('a', 'c')!
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_600_000 })
    expect(steadyNow() - usedAt).toBeLessThan(1_800_000)
    expect(Date.now() - loads.clustersOf('a')![0]!.lastUsedAt).toBeLessThan(1_800_000)
    expect(Date.now() - loads.node('a')!.reportedAt).toBeLessThan(1_800_000)
  })
})
