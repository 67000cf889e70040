import { describe, expect, it, vi } from 'vitest'

/** An arena that nobody else has taken from. */
async function fresh() {
  vi.resetModules()
  return { ...(await import('./arena.ts')), ...(await import('./slabs.ts')) }
}

const endOfTurn = () => new Promise(setImmediate)

describe('the memory that slabs and stages share', () => {
  it('is one, until it is full: then they have memory of their own', async () => {
    const { arenaBytes, giveSlabBack, isStale, slabBytes, takeSlab, takeStage } = await fresh()
    const stage = takeStage(4096)
    const slabs = Array.from({ length: 100 }, () => takeSlab(slabBytes))
    expect(slabs[0]!.buffer === stage.buffer).toBe(true)
    const shared = slabs.filter(({ buffer }) => buffer === stage.buffer)
    expect(shared.length).toBeLessThan(arenaBytes / slabBytes)
    const places = new Set([...shared, stage].map(({ byteOffset }) => byteOffset))
    expect(places.size).toBe(shared.length + 1)
    const own = slabs.find(({ buffer }) => buffer !== stage.buffer)!
    expect([own.length, own.buffer.byteLength]).toEqual([slabBytes, slabBytes])
    expect(isStale(own)).toBe(false)
    // What is given back comes again; memory of one's own is nobody else's.
    for (const slab of slabs) giveSlabBack(slab)
    const again = Array.from({ length: shared.length }, () => takeSlab(slabBytes))
    expect(again.every((slab) => shared.includes(slab))).toBe(true)
    for (const slab of again) giveSlabBack(slab)
    const large = takeStage(arenaBytes)
    expect(large.buffer.byteLength).toBe(arenaBytes)
  })

  it('is replaced when much of it is lost, and what lies in the old one stays as it is', async () => {
    const { arenaBytes, giveSlabBack, isStale, lose, slabBytes, takeSlab } = await fresh()
    const old = takeSlab(slabBytes)
    old.fill(7)
    expect(isStale(old)).toBe(false)
    for (let lost = 0; lost < arenaBytes / 4; lost += slabBytes) lose(takeSlab(slabBytes))
    expect(isStale(old)).toBe(true)
    const other = takeSlab(slabBytes)
    expect(other.buffer === old.buffer).toBe(false)
    other.fill(8)
    // Too late: it is of no use to the new one.
    giveSlabBack(old)
    expect(takeSlab(slabBytes).buffer === other.buffer).toBe(true)
    expect(old.every((byte) => byte === 7)).toBe(true)
  })

  it('is left by slabs that were free when it was replaced, and what is kept is never written to again', async () => {
    const { isStale, keep, Slabs, slabBytes } = await fresh()
    const slabs = new Slabs()
    const kept: Uint8Array[] = []
    for (let i = 1; i <= 100; i++) {
      slabs.room(slabBytes)
      const { current } = slabs
      current.fill(i)
      kept.push(current)
      keep(current.subarray(10, 20))
      slabs.room(slabBytes)
      slabs.current.fill(0xee)
      await endOfTurn()
    }
    expect(new Set(kept.map(({ buffer }) => buffer)).size).toBeGreaterThan(3)
    expect(kept.every((bytes, i) => bytes.every((byte) => byte === i + 1))).toBe(true)
    for (let i = 0; i < 10; i++) slabs.room(slabBytes)
    expect(isStale(slabs.current)).toBe(false)
  })
})
