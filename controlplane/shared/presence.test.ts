import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { Presence, type PresenceStore } from './presence.ts'
import { maskUrl } from './redis.ts'
import { redisSlot } from './redis-slot.ts'
import { redisTarget } from './redis-target.ts'

/** A store in memory that can be made to fail, and forgets on demand. */
function memoryStore() {
  const kept = new Map<string, Map<string, string>>()
  const state = { broken: false, beats: [] as { changed: number; gone: number; all: boolean }[] }
  const check = () => {
    if (state.broken) throw new Error('gone')
  }
  const store: PresenceStore = {
    async beat(replica, changed, gone, all) {
      check()
      state.beats.push({ changed: changed.size, gone: gone.length, all })
      const known = kept.has(replica)
      const mine = all ? new Map<string, string>() : (kept.get(replica) ?? new Map<string, string>())
      for (const [id, value] of changed) mine.set(id, value)
      for (const id of gone) mine.delete(id)
      kept.set(replica, mine)
      return known
    },
    async read(except) {
      check()
      return [...kept]
        .filter(([name]) => name !== except)
        .map(([replica, all]) => ({ replica, values: [...all.values()] }))
    },
    async leave(replica) {
      kept.delete(replica)
    },
    async stop() {},
  }
  return { store, state, kept }
}

function replica(store: PresenceStore, name: string) {
  const clock = { now: 0 }
  const has = new Map<string, string>()
  const warnings: string[] = []
  const presence = new Presence({
    store,
    name,
    entries: () => [...has].map(([id, state]) => ({ id, state, value: () => ({ id, state }) })),
    warn: (error) => warnings.push(error.message),
    now: () => clock.now,
  })
  return { presence, has, clock, warnings }
}

describe('presence', () => {
  it('each replica knows what the others have, not itself', async () => {
    const { store } = memoryStore()
    const a = replica(store, 'a')
    const b = replica(store, 'b')
    a.has.set('x', 'SYNCED')
    b.has.set('y', 'NACK')
    await Promise.all([a.presence.beat(), b.presence.beat()])
    expect(await a.presence.others()).toEqual([{ replica: b.presence.replica, values: [{ id: 'y', state: 'NACK' }] }])
    expect(await b.presence.others()).toEqual([{ replica: a.presence.replica, values: [{ id: 'x', state: 'SYNCED' }] }])
  })

  it('only what changed is written, and now and then everything', async () => {
    const { store, state } = memoryStore()
    const { presence, has, clock } = replica(store, 'a')
    has.set('x', '1').set('y', '1')
    await presence.beat()
    has.set('x', '2')
    await presence.beat()
    has.delete('y')
    await presence.beat()
    clock.now += 61_000
    await presence.beat()
    expect(state.beats).toEqual([
      { changed: 2, gone: 0, all: true },
      { changed: 1, gone: 0, all: false },
      { changed: 0, gone: 1, all: false },
      { changed: 1, gone: 0, all: true },
    ])
  })

  it('what the store forgot while the replica stood still is written again at once', async () => {
    const { store, state, kept } = memoryStore()
    const { presence, has, warnings } = replica(store, 'a')
    has.set('x', '1').set('y', '1')
    await presence.beat()
    kept.clear()
    has.set('x', '2')
    await presence.beat()
    expect([...kept.get(presence.replica)!.keys()]).toEqual(['x', 'y'])
    await presence.beat()
    expect(state.beats.map(({ all }) => all)).toEqual([true, false, true, false])
    expect(warnings).toEqual([])
  })

  it('a store that fails is told once; afterwards everything is written again', async () => {
    const { store, state, kept } = memoryStore()
    const { presence, has, warnings, clock } = replica(store, 'a')
    has.set('x', '1')
    await presence.beat()
    state.broken = true
    await presence.beat()
    await presence.beat()
    clock.now += 10_000
    expect(await presence.others()).toEqual([])
    expect(presence.complete).toBe(false)
    expect(warnings).toEqual(['gone'])
    state.broken = false
    kept.clear()
    await presence.beat()
    expect(kept.get(presence.replica)?.size).toBe(1)
    expect(presence.complete).toBe(true)
  })

  it('a replica that ends takes its entries with it', async () => {
    const { store, kept } = memoryStore()
    const { presence, has } = replica(store, 'a')
    has.set('x', '1')
    await presence.beat()
    await presence.stop()
    expect(kept.size).toBe(0)
  })

  it('an answer about the others is good for one beat', async () => {
    const { store } = memoryStore()
    const a = replica(store, 'a')
    const b = replica(store, 'b')
    expect(await a.presence.others()).toEqual([])
    b.has.set('y', '1')
    await b.presence.beat()
    expect(await a.presence.others()).toEqual([])
    a.clock.now += 2001
    expect((await a.presence.others()).length).toBe(1)
  })

  it('a store that does not answer keeps nobody waiting: what it said last is told for some seconds, then that it is missing', async () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const { store } = memoryStore()
    const [a, b] = [replica(store, 'a'), replica(store, 'b')]
    b.has.set('y', '1')
    await b.presence.beat()
    expect((await a.presence.others()).length).toBe(1)
    let answer = () => {}
    const read = store.read
    store.read = async (except) => {
      await new Promise<void>((resolve) => {
        answer = resolve
      })
      return read(except)
    }
    const asked = async () => {
      const others = a.presence.others()
      await vi.advanceTimersByTimeAsync(1_500)
      return (await others).length
    }
    a.clock.now += 3_000
    expect([await asked(), a.presence.complete]).toEqual([1, true])
    a.clock.now += 15_000
    expect([await asked(), a.presence.complete]).toEqual([0, false])
    answer()
    await vi.advanceTimersByTimeAsync(0)
    expect([(await a.presence.others()).length, a.presence.complete]).toEqual([1, true])
  })
})

it('passwords of URLs are not logged, whatever the scheme', () => {
  expect(maskUrl('redis://joe:secret@h:1/2')).toBe('redis://joe:***@h:1/2')
  expect(maskUrl('rediss://:secret@h')).toBe('rediss://:***@h')
  expect(maskUrl('rediss+cluster://:secret@h:1,i:2')).toBe('rediss+cluster://:***@h:1,i:2')
  expect(maskUrl('redis://h:1')).toBe('redis://h:1')
  expect(maskUrl('redis+sentinel://joe:secret@h:1,i:2/primary')).toBe('redis+sentinel://joe:***@h:1,i:2/primary')
})

it('sentinels are named in one URL, with user, password and database of the primary', () => {
  expect(redisTarget('rediss://h:1/2')).toBe('rediss://h:1/2')
  expect(redisTarget('redis+sentinel://joe:p%40ss@one:1,two/limits/3')).toMatchObject({
    sentinels: [
      { host: 'one', port: 1 },
      { host: 'two', port: 26_379 },
    ],
    ...{ name: 'limits', username: 'joe', password: 'p@ss', db: 3 },
  })
  expect(redisTarget('redis+sentinel://[::1]:1/limits')).toMatchObject({ sentinels: [{ host: '::1', port: 1 }] })
  expect(redisTarget('rediss+cluster://joe:p%40ss@one:1,two')).toEqual({
    nodes: [
      { host: 'one', port: 1 },
      { host: 'two', port: 6379 },
    ],
    ...{ username: 'joe', password: 'p@ss', tls: {} },
  })
  expect(redisTarget('redis+cluster://one')).toEqual({ nodes: [{ host: 'one', port: 6379 }] })
  for (const url of [
    'redis+cluster://',
    'redis+cluster://one/0',
    'http://h',
    'redis+sentinel://h:1',
    'h:6379',
    'redis+sentinel://h:x/y',
  ])
    expect(() => redisTarget(url), url).toThrow()
})

it('keys are in the slots that Redis puts them in', () => {
  // From the specification of Redis Cluster.
  expect(redisSlot('123456789')).toBe(0x31c3)
  expect(redisSlot('{user1000}.following')).toBe(redisSlot('user1000'))
  expect(redisSlot('foo{}{bar}')).not.toBe(redisSlot('bar'))
  expect(redisSlot('foo{{bar}}zap')).toBe(redisSlot('{bar'))
  expect(redisSlot('foo{bar}{zap}')).toBe(redisSlot('bar'))
})
