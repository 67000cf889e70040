import { afterEach, describe, expect, it } from 'vitest'
import type { ClusterConfig } from '../configuration.ts'
import { clock } from '../turn.ts'
import { Breaker } from './breaker.ts'
import { Cluster } from './cluster.ts'
import { priorityLoads } from './priority.ts'

const start = clock.now
afterEach(() => {
  clock.now = start
})

const endpoint = (port: number, more: object = {}) => ({ address: { host: '10.0.0.1', port }, ...more })
const cluster = (config: Partial<ClusterConfig>) =>
  new Cluster({ name: 'a', localities: [], balancer: { kind: 'roundRobin' }, ...config }, () => undefined)

/** How often each port is picked. */
function draw(of: Cluster, count: number, hash?: (i: number) => number): Record<string, number> {
  const seen: Record<string, number> = {}
  for (let i = 0; i < count; i++) {
    const host = of.pick(hash !== undefined, hash?.(i) ?? 0, hash?.(i) ?? 0, 0, null)
    const key = host?.key.split(':')[1] ?? 'none'
    seen[key] = (seen[key] ?? 0) + 1
  }
  return seen
}

describe('choice of hosts', () => {
  it('round robin follows weights exactly', () => {
    const of = cluster({
      localities: [{ endpoints: [endpoint(1, { weight: 3 }), endpoint(2), endpoint(3, { weight: 6 })] }],
    })
    expect(draw(of, 1000)).toEqual({ 1: 300, 2: 100, 3: 600 })
  })

  it('least request takes the host with fewer in flight', () => {
    const of = cluster({
      balancer: { kind: 'leastRequest', choices: 16 },
      localities: [{ endpoints: [endpoint(1), endpoint(2)] }],
    })
    of.hosts[0]!.active = 50
    expect(draw(of, 100)[2]).toBeGreaterThan(95)
  })

  it.each([
    ['maglev', 60],
    // The other hosts get more points on a ring with fewer hosts, as in Envoy.
    ['ringHash', 400],
  ] as const)('%s: nearly every key stays where it is when another host leaves', (kind, most) => {
    const localities = (ports: readonly number[]) => [{ endpoints: ports.map((port) => endpoint(port)) }]
    const before = cluster({ balancer: { kind }, localities: localities([1, 2, 3, 4, 5]) })
    const after = cluster({ balancer: { kind }, localities: localities([1, 2, 3, 4]) })
    let moved = 0
    for (let i = 0; i < 2000; i++) {
      const [lo, hi] = [Math.imul(i, 0x9e3779b1), Math.imul(i, 0x85ebca6b)]
      const old = before.pick(true, lo, hi, 0, null)!.key
      const now = after.pick(true, lo, hi, 0, null)!.key
      if (old !== now && old !== '10.0.0.1:5') moved++
    }
    expect(moved).toBeLessThan(most)
  })

  it('a host that is draining or unhealthy gets nothing', () => {
    const endpoints = [
      endpoint(1),
      endpoint(2, { health: 'draining' }),
      endpoint(3, { health: 'unhealthy' }),
      endpoint(4),
    ]
    expect(Object.keys(draw(cluster({ localities: [{ endpoints }] }), 100))).toEqual(['1', '4'])
  })

  it('most hosts unhealthy: panic, all get traffic; a threshold of 0 means none', () => {
    const endpoints = [endpoint(1), endpoint(2, { health: 'unhealthy' }), endpoint(3, { health: 'unhealthy' })]
    expect(Object.keys(draw(cluster({ localities: [{ endpoints }] }), 100))).toEqual(['1', '2', '3'])
    expect(draw(cluster({ localities: [{ endpoints }], panicThreshold: 0 }), 100)).toEqual({ 1: 100 })
    const dead = [endpoint(1, { health: 'unhealthy' })]
    expect(draw(cluster({ localities: [{ endpoints: dead }], panicThreshold: 0 }), 10)).toEqual({ none: 10 })
  })

  it('the next priority takes what the first cannot', () => {
    const first = [endpoint(1), endpoint(2, { health: 'unhealthy' })]
    const of = cluster({ localities: [{ endpoints: first }, { priority: 1, endpoints: [endpoint(3)] }] })
    const seen = draw(of, 10_000)
    expect(seen[1]! / 10_000).toBeCloseTo(0.7, 1)
    expect(seen[3]! / 10_000).toBeCloseTo(0.3, 1)
  })

  it.each(['maglev', 'ringHash'] as const)('%s: degraded hosts get no keys, and where all are nobody does', (kind) => {
    const [one, two] = [endpoint(1), endpoint(2, { health: 'degraded' })]
    const hash = (i: number) => Math.imul(i, 0x9e3779b1)
    const of = (...endpoints: object[]) =>
      cluster({ balancer: { kind }, localities: [{ endpoints: endpoints as never }] })
    expect(draw(of(one, two, endpoint(3, { health: 'degraded' })), 300, hash)).toEqual({ 1: 300 })
    expect(draw(of(two), 300, hash)).toEqual({ none: 300 })
    expect(draw(cluster({ localities: [{ endpoints: [two] }] }), 3)).toEqual({ 2: 3 })
  })

  it('localities share traffic by their weights', () => {
    const of = cluster({
      localityWeighted: true,
      localities: [
        { zone: 'a', weight: 1, endpoints: [endpoint(1)] },
        { zone: 'b', weight: 3, endpoints: [endpoint(2), endpoint(3)] },
      ],
    })
    expect(draw(of, 400)[1]).toBe(100)
  })

  it('a host that joins gets its share little by little', () => {
    const of = cluster({ localities: [{ endpoints: [endpoint(1)] }], slowStart: { windowMs: 10_000 } })
    draw(of, 1)
    of.update({ ...of.config, localities: [{ endpoints: [endpoint(1), endpoint(2)] }] })
    const share = (at: number) => {
      clock.now = start + at
      of.sweep()
      return (draw(of, 1100)[2] ?? 0) / 1100
    }
    expect(share(100)).toBeCloseTo(0.1 / 1.1, 1)
    expect(share(5000)).toBeCloseTo(0.5 / 1.5, 1)
    expect(share(10_000)).toBeCloseTo(0.5, 1)
  })

  // The second of two hosts, so long after it joined with a window of 10 s: its weight beside 1.
  it.each([
    ['the least it gets is no part of the power', { aggression: 2 }, 25, 0.1],
    ['above 1 it gets more at first', { aggression: 2 }, 2500, 0.5],
    ['below 1 less', { aggression: 0.5 }, 5000, 0.25],
    ['what is no exponent counts as 1', { aggression: 0 }, 5000, 0.5],
    ['the least it gets as said', { minWeightPercent: 50 }, 1000, 0.5],
  ])('aggression of a slow start: %s', (_, slowStart, age, weight) => {
    const of = cluster({ localities: [{ endpoints: [endpoint(1)] }], slowStart: { windowMs: 10_000, ...slowStart } })
    of.update({ ...of.config, localities: [{ endpoints: [endpoint(1), endpoint(2)] }] })
    clock.now = start + age
    // Whole turns of the schedule.
    expect(draw(of, 1100 * (1 + weight))[2]).toBeCloseTo(1100 * weight, -1)
  })

  it('a slow start goes on by a window that changes meanwhile, and by none where there is none any more', () => {
    const of = cluster({ localities: [{ endpoints: [endpoint(1)] }], slowStart: { windowMs: 10_000 } })
    const localities = [{ endpoints: [endpoint(1), endpoint(2)] }]
    of.update({ ...of.config, localities })
    clock.now = start + 5000
    const weightWith = (more: Partial<ClusterConfig>) => {
      of.update({ ...of.config, ...more })
      // Whole turns of the schedule.
      const seen = draw(of, 3000)
      return seen[2]! / seen[1]!
    }
    expect(weightWith({ slowStart: { windowMs: 10_000 } })).toBeCloseTo(0.5, 2)
    expect(weightWith({ slowStart: { windowMs: 50_000 } })).toBeCloseTo(0.1, 2)
    expect(weightWith({ slowStart: { windowMs: 5000 } })).toBeCloseTo(1, 2)
    expect(weightWith({ slowStart: { windowMs: 20_000 } })).toBeCloseTo(0.25, 2)
    // Beside another weight, in another place of the list, and in another locality.
    const moved = [{ endpoints: [endpoint(2, { weight: 4 })] }, { zone: 'b', endpoints: [endpoint(1)] }]
    expect(weightWith({ localities: moved })).toBeCloseTo(1, 2)
    const { slowStart: _, ...without } = of.config
    of.update({ ...without, localities })
    expect(draw(of, 1000)).toEqual({ 1: 500, 2: 500 })
  })

  it('another host than the one that failed, where there is one', () => {
    const of = cluster({ localities: [{ endpoints: [endpoint(1), endpoint(2)] }] })
    const [one] = of.hosts
    for (let i = 0; i < 50; i++) expect(of.pick(false, 0, 0, 1, one!)).not.toBe(one)
  })
})

describe("loads of priorities, as in Envoy's documentation", () => {
  const two = (p0: number, p1: number) =>
    priorityLoads(
      [p0, p1].map((healthy) => ({ hosts: 100, total: 100, healthy, degraded: 0 })),
      140,
      50,
    ).healthy
  it.each([
    [100, 100, [100, 0]],
    [72, 72, [100, 0]],
    [71, 71, [99, 1]],
    [50, 50, [70, 30]],
    [25, 100, [35, 65]],
    [25, 25, [50, 50]],
    // Every priority panics: all hosts get traffic, and there are as many in both.
    [15, 29, [50, 50]],
  ] as const)('%i %% and %i %% healthy', (p0, p1, loads) => {
    expect(two(p0, p1)).toEqual(loads)
  })

  it('all priorities panic: by the number of hosts, those that are draining too; rounding goes to the first that has any', () => {
    const few = (hosts: number, total = hosts) => ({ hosts, total, healthy: hosts > 5 ? 1 : 0, degraded: 0 })
    const { healthy, panic } = priorityLoads([few(0), few(20, 19), few(10)], 140, 50)
    expect([healthy, panic]).toEqual([
      [0, 67, 33],
      [true, true, true],
    ])
    expect(priorityLoads([few(1), few(300)], 140, 50).healthy).toEqual([1, 99])
  })

  it('nobody is well and panic is off: the first priority has all of nothing, which one in a thousand may still take', () => {
    const { healthy, panic } = priorityLoads([{ hosts: 1000, total: 1000, healthy: 1, degraded: 0 }], 140, 0)
    expect([healthy, panic]).toEqual([[100], [false]])
  })

  it('degraded hosts take what healthy ones cannot', () => {
    const { healthy, degraded } = priorityLoads([{ hosts: 100, total: 100, healthy: 50, degraded: 50 }], 140, 50)
    expect([healthy, degraded]).toEqual([[70], [30]])
  })
})

describe('outlier detection', () => {
  const of = (outlierDetection: object, hosts = 2) =>
    cluster({ outlierDetection, localities: [{ endpoints: Array.from({ length: hosts }, (_, i) => endpoint(i)) }] })

  it('ejects after so many errors in a row, and brings back after the time', () => {
    const a = of({ consecutiveErrors: 3, maxEjectionPercent: 100, baseEjectionMs: 1000, intervalMs: 100 })
    const [host] = a.hosts
    a.sweep()
    a.record(host!, 'error')
    a.record(host!, 'error')
    a.record(host!, 'success')
    for (let i = 0; i < 3; i++) a.record(host!, 'local')
    expect(host!.ejected).toBe(true)
    clock.now += 900
    a.sweep()
    expect(host!.ejected).toBe(true)
    clock.now += 200
    a.sweep()
    expect(host!.ejected).toBe(false)
    for (let i = 0; i < 3; i++) a.record(host!, 'error')
    clock.now += 1100
    a.sweep()
    expect(host!.ejected).toBe(true)
    clock.now += 1000
    a.sweep()
    expect(host!.ejected).toBe(false)
  })

  it('grows with each ejection to the longest time, and is forgiven as soon after very many as after a few', () => {
    const policy = { consecutiveErrors: 1, maxEjectionPercent: 100, intervalMs: 100 }
    const a = of({ ...policy, baseEjectionMs: 1000, maxEjectionMs: 3000 })
    const [host] = a.hosts
    clock.now = Math.ceil(start)
    a.sweep()
    /** How long it is out, in steps of the interval. */
    const out = () => {
      a.record(host!, 'error')
      for (let ms = 100; ; ms += 100) {
        clock.now += 100
        a.sweep()
        if (!host!.ejected) return ms
      }
    }
    expect([out(), out(), out(), out()]).toEqual([1000, 2000, 3000, 3000])
    for (let n = 0; n < 50; n++) out()
    for (let n = 0; n < 4; n++) {
      clock.now += 100
      a.sweep()
    }
    expect(out()).toBe(1000)
  })

  it('ends by the times of a policy that changes meanwhile', () => {
    const policy = { consecutiveErrors: 1, maxEjectionPercent: 100, intervalMs: 100 }
    const a = of({ ...policy, baseEjectionMs: 60_000 })
    const [host] = a.hosts
    clock.now = Math.ceil(start)
    a.sweep()
    a.record(host!, 'error')
    clock.now += 500
    a.sweep()
    a.update({ ...a.config, outlierDetection: { ...policy, baseEjectionMs: 1000 } })
    a.sweep()
    expect(host!.ejected).toBe(true)
    clock.now += 500
    a.sweep()
    expect(host!.ejected).toBe(false)
  })

  it('never more than the limit, but one', () => {
    const a = of({ consecutiveErrors: 1, maxEjectionPercent: 10 }, 5)
    for (const host of a.hosts) a.record(host, 'error')
    expect(a.hosts.filter(({ ejected }) => ejected)).toHaveLength(1)
  })

  it('by the share of failures', () => {
    const a = of({
      consecutiveErrors: 0,
      maxEjectionPercent: 100,
      intervalMs: 100,
      failurePercentage: { threshold: 40, minimumHosts: 2, requestVolume: 10 },
    })
    a.sweep()
    a.hosts.forEach((host, i) => {
      for (let n = 0; n < 20; n++) a.record(host, i === 0 && n % 2 ? 'error' : 'success')
    })
    clock.now += 200
    a.sweep()
    expect(a.hosts.map(({ ejected }) => ejected)).toEqual([true, false])
  })

  // Four hosts always succeed, one half the time: 90 % on average, with a standard deviation of 20.
  it.each([
    ['below the average by more than the factor says', 1999, 5, 20, true],
    ['below it by no more', 2000, 5, 20, false],
    ['among too few hosts', 1900, 6, 20, false],
    ['with too few requests', 1900, 5, 21, false],
  ])('by the share of successes: %s', (_, stdevFactor, minimumHosts, requestVolume, ejected) => {
    const a = of(
      {
        consecutiveErrors: 0,
        maxEjectionPercent: 100,
        intervalMs: 100,
        successRate: { stdevFactor, minimumHosts, requestVolume },
      },
      5,
    )
    a.sweep()
    // Of each interval by itself.
    for (let interval = 0; interval < 2; interval++) {
      a.hosts.forEach((host, i) => {
        for (let n = 0; n < 20; n++) a.record(host, i === 0 && n % 2 ? 'error' : 'success')
      })
      clock.now += 200
      a.sweep()
      expect(a.hosts.map((host) => host.ejected)).toEqual([ejected, false, false, false, false])
    }
  })
})

describe('retry budget', () => {
  it('a share of what is in flight, and some always', () => {
    const breaker = new Breaker()
    breaker.update({ retryBudget: { percent: 20, minRetryConcurrency: 3 } })
    breaker.retries = 2
    expect(breaker.mayRetry()).toBe(true)
    breaker.retries = 3
    expect(breaker.mayRetry()).toBe(false)
    breaker.requests = 100
    breaker.retries = 19
    expect(breaker.mayRetry()).toBe(true)
    breaker.retries = 20
    expect(breaker.mayRetry()).toBe(false)
    breaker.pending = 5
    expect(breaker.mayRetry()).toBe(true)
  })
})
