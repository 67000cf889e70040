import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ClusterConfig, NameLookup } from '../configuration.ts'
import { Names } from './names.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const v4 = (address: string) => ({ address, family: 4 })
const v6 = (address: string) => ({ address, family: 6 })

function cluster(hosts: readonly string[], names: Partial<NameLookup> | undefined = {}): ClusterConfig {
  return {
    name: 'c',
    balancer: { kind: 'maglev' },
    localities: [{ zone: 'a', endpoints: hosts.map((host) => ({ address: { host, port: 7 }, weight: 3 })) }],
    ...(names && { names: { family: 'all', refreshMs: 5000, retryMs: { base: 1000, max: 3000 }, ...names } }),
  }
}

/** Names that a test changes; what is no list does not answer, or is thrown. */
function resolver(found: Record<string, ReturnType<typeof v4>[] | 'silence' | Error>) {
  const asked: string[] = []
  let changes = 0
  const names = new Names(
    () => {
      changes++
    },
    async (name) => {
      asked.push(name)
      const answer = found[name] ?? new Error(`getaddrinfo ENOTFOUND ${name}`)
      if (answer === 'silence') return new Promise(() => undefined)
      if (answer instanceof Error) throw answer
      return answer
    },
  )
  const hosts = (of: ClusterConfig) =>
    names
      .resolved(of)
      .localities.flatMap(({ endpoints }) => endpoints.map(({ address }) => ('host' in address ? address.host : '')))
  return { names, asked, hosts, changes: () => changes }
}

function quiet(): string[] {
  const lines: string[] = []
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    lines.push(String(text))
    return true
  })
  return lines
}

describe('names of clusters', () => {
  it('each address is an endpoint that is the written one in all else; addresses and sockets stay as they are', async () => {
    const { names, asked } = resolver({ 'game.test': [v4('10.0.0.2'), v4('10.0.0.1'), v6('::2'), v4('10.0.0.2')] })
    const written = cluster(['10.9.9.9', 'game.test', '::1'])
    const socket = { address: { path: '/run/game' } }
    const all = { ...written, localities: [...written.localities, { endpoints: [socket] }] }
    await names.learn([all])
    const found = (host: string) => ({ address: { host, port: 7 }, weight: 3, name: 'game.test' })
    expect(asked).toEqual(['game.test'])
    expect(names.resolved(all)).toEqual({
      ...all,
      localities: [
        {
          zone: 'a',
          endpoints: [
            { address: { host: '10.9.9.9', port: 7 }, weight: 3 },
            found('10.0.0.1'),
            found('10.0.0.2'),
            found('::2'),
            { address: { host: '::1', port: 7 }, weight: 3 },
          ],
        },
        { endpoints: [socket] },
      ],
    })
  })

  it('a cluster that looks its names up with each connection is not asked for', async () => {
    const { names, asked } = resolver({})
    const { names: _, ...logical } = cluster(['game.test'])
    await names.learn([logical])
    expect([asked, names.resolved(logical)]).toEqual([[], logical])
  })

  it.each([
    ['v4', ['10.0.0.1']],
    ['v6', ['::1']],
    ['v4Preferred', ['10.0.0.1']],
    ['v6Preferred', ['::1']],
    ['all', ['10.0.0.1', '::1']],
  ] as const)('%s: of both families %s', async (family, wanted) => {
    const { names, hosts } = resolver({ both: [v6('::1'), v4('10.0.0.1')], four: [v4('10.0.0.4')], six: [v6('::6')] })
    const of = (name: string) => cluster([name], { family })
    await names.learn([of('both'), of('four'), of('six')])
    expect(hosts(of('both'))).toEqual(wanted)
    expect(hosts(of('four'))).toEqual(family === 'v6' ? [] : ['10.0.0.4'])
    expect(hosts(of('six'))).toEqual(family === 'v4' ? [] : ['::6'])
  })

  it('are looked up again in their time, and what changed is told; the order of answers is no change', async () => {
    const found: Parameters<typeof resolver>[0] = { a: [v4('10.0.0.1'), v4('10.0.0.2')] }
    const { names, asked, hosts, changes } = resolver(found)
    const of = cluster(['a'])
    await names.learn([of])
    const first = changes()
    found['a'] = [v4('10.0.0.2'), v4('10.0.0.1')]
    await vi.advanceTimersByTimeAsync(4999)
    expect(asked).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1)
    expect([asked.length, changes() - first]).toEqual([2, 0])
    found['a'] = [v4('10.0.0.2'), v4('10.0.0.3')]
    await vi.advanceTimersByTimeAsync(5000)
    expect([changes() - first, hosts(of)]).toEqual([1, ['10.0.0.2', '10.0.0.3']])
    found['a'] = []
    await vi.advanceTimersByTimeAsync(5000)
    expect([changes() - first, hosts(of)]).toEqual([2, []])
  })

  it('a failure takes nothing away, is told, and tried again after 1, 2 and then 3 s', async () => {
    const told = quiet()
    const found: Parameters<typeof resolver>[0] = { a: [v4('10.0.0.1')] }
    const { names, asked, hosts, changes } = resolver(found)
    const of = cluster(['a'])
    await names.learn([of])
    const first = changes()
    found['a'] = new Error('getaddrinfo EAI_AGAIN a')
    await vi.advanceTimersByTimeAsync(5000)
    expect([asked.length, hosts(of), changes() - first]).toEqual([2, ['10.0.0.1'], 0])
    expect(told.join('')).toContain('name a: its addresses cannot be found: getaddrinfo EAI_AGAIN a')
    for (const [ms, count] of [
      [999, 2],
      [1, 3],
      [1999, 3],
      [1, 4],
      [2999, 4],
      [1, 5],
      [2999, 5],
    ] as const) {
      await vi.advanceTimersByTimeAsync(ms)
      expect(asked).toHaveLength(count)
    }
    found['a'] = [v4('10.0.0.1')]
    await vi.advanceTimersByTimeAsync(1)
    found['a'] = new Error('again')
    await vi.advanceTimersByTimeAsync(5000 + 999)
    expect(asked).toHaveLength(7)
    await vi.advanceTimersByTimeAsync(1)
    expect(asked).toHaveLength(8)
  })

  it('a resolver that says nothing holds a configuration up for a second, once', async () => {
    const { names, hosts } = resolver({ a: 'silence', b: [v4('10.0.0.1')] })
    let learned = 0
    const learn = (...hosts: string[]) => names.learn([cluster(hosts)]).then(() => learned++)
    void learn('a', 'b')
    await vi.advanceTimersByTimeAsync(999)
    expect(learned).toBe(0)
    await vi.advanceTimersByTimeAsync(1)
    expect(learned).toBe(1)
    void learn('a')
    await vi.advanceTimersByTimeAsync(0)
    expect([learned, hosts(cluster(['a', 'b']))]).toEqual([2, ['10.0.0.1']])
  })

  it('nobody asks for names that no cluster has any more, nor after the end', async () => {
    const { names, asked } = resolver({ a: [v4('10.0.0.1')], b: [v4('10.0.0.2')] })
    await names.learn([cluster(['a', 'b'])])
    names.keep([cluster(['b'])])
    await vi.advanceTimersByTimeAsync(5000)
    expect(asked).toEqual(['a', 'b', 'b'])
    names.stop()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(asked).toEqual(['a', 'b', 'b'])
  })

  it('an answer for a name that nobody has any more belongs to nobody', async () => {
    let answer: (found: ReturnType<typeof v4>[]) => void = () => {}
    let changes = 0
    const names = new Names(
      () => changes++,
      () => new Promise((resolve) => (answer = resolve)),
    )
    void names.learn([cluster(['a'])])
    names.stop()
    answer([v4('10.0.0.1')])
    await vi.advanceTimersByTimeAsync(60_000)
    expect(changes).toBe(0)
  })

  it('that hung are looked up one after the other; those that are well do not wait behind them', async () => {
    const lines = quiet()
    const hung = ['a.hung', 'b.hung', 'c.hung']
    let open = 0
    let most = 0
    const asked: string[] = []
    const names = new Names(
      () => {},
      async (name) => {
        asked.push(name)
        if (name === 'well.test') return [v4('10.0.0.1')]
        most = Math.max(most, ++open)
        await new Promise((resolve) => setTimeout(resolve, 10_000))
        open--
        throw new Error(`getaddrinfo EAI_AGAIN ${name}`)
      },
    )
    const all = cluster([...hung, 'well.test'])
    void names.learn([all])
    await vi.advanceTimersByTimeAsync(10_000)
    expect(most).toBe(3)
    most = 0
    asked.length = 0
    await vi.advanceTimersByTimeAsync(60_000)
    expect(most).toBe(1)
    expect(asked.filter((name) => name === 'well.test')).toHaveLength(12)
    for (const name of hung) expect(asked.filter((one) => one === name).length).toBeGreaterThan(1)
    // What nobody follows any more is not looked up when its turn comes.
    names.keep([cluster(['a.hung', 'well.test'])])
    asked.length = 0
    await vi.advanceTimersByTimeAsync(60_000)
    expect(new Set(asked)).toEqual(new Set(['a.hung', 'well.test']))
    names.stop()
    expect(lines.length).toBeGreaterThan(0)
  })
})

it('what the system knows a name by is found without a resolver of ours', async () => {
  vi.useRealTimers()
  const names = new Names(() => {})
  const own = cluster(['localhost'], { family: 'v4Preferred' })
  await names.learn([own])
  const found = names.resolved(own).localities.flatMap(({ endpoints }) => endpoints)
  names.stop()
  expect(found.length).toBeGreaterThan(0)
  for (const { address, name } of found)
    expect([name, 'host' in address && /^(127\.|::1$)/.test(address.host)]).toEqual(['localhost', true])
})
