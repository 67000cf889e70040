import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { keep, Slabs, slabBytes } from './slabs.ts'

const endOfTurn = () => new Promise(setImmediate)

/** Fills slabs to the brim, as many as come round in one look and some more. */
async function churn(slabs: Slabs, count = 40, fill = 0xee): Promise<void> {
  for (let i = 0; i < count; i++) {
    slabs.current.fill(fill)
    slabs.next()
    await endOfTurn()
  }
  slabs.current.fill(fill)
}

describe('the memory of what was read', () => {
  it('is used again, so that any number of messages needs a few slabs', async () => {
    const slabs = new Slabs(() => undefined)
    const seen = new Set<Uint8Array>()
    for (let i = 0; i < 1000; i++) {
      seen.add(slabs.current)
      slabs.next()
      await endOfTurn()
    }
    expect(seen.size).toBeLessThan(40)
  })

  it('is not used again within a turn: what was pushed in it is not written yet', async () => {
    const slabs = new Slabs(() => undefined)
    const seen = new Set<Uint8Array>()
    for (let i = 0; i < 100; i++) {
      seen.add(slabs.current)
      slabs.next()
    }
    expect(seen.size).toBe(100)
    await endOfTurn()
    slabs.next()
    expect(seen.has(slabs.current)).toBe(true)
  })

  it('stays as it is while a request in flight has its frame there, and is free afterwards', async () => {
    const frames = new Set<Uint8Array>()
    const slabs = new Slabs((see) => frames.forEach(see))
    const { current } = slabs
    current.fill(1)
    // A frame can be a view of its own on the slab.
    frames.add(current.subarray(100, 200))
    slabs.next()
    await churn(slabs)
    expect(current.every((byte) => byte === 1)).toBe(true)
    frames.clear()
    await churn(slabs)
    expect(current[0]).toBe(0xee)
  })

  it('is never used again when somebody keeps bytes of it', async () => {
    const slabs = new Slabs(() => undefined)
    const { current } = slabs
    current.fill(2)
    keep(current.subarray(0, 1))
    slabs.next()
    await churn(slabs, 100)
    expect(current.every((byte) => byte === 2)).toBe(true)
    // Memory of others is no business of theirs.
    keep(new Uint8Array(10))
  })

  it('goes back to the system when a proxy is at rest', async () => {
    const slabs = new Slabs(() => undefined)
    await churn(slabs, 20)
    expect(slabs.counts.free).toBeGreaterThan(0)
    slabs.trim()
    expect(slabs.counts.free).toBeGreaterThan(0)
    slabs.trim()
    expect(slabs.counts.free).toBe(0)
  })

  it('holds every frame in flight as it came, whatever comes and goes', async () => {
    const step = fc.record({ bytes: fc.integer({ min: 1, max: slabBytes }), lives: fc.integer({ min: 0, max: 60 }) })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 40, maxLength: 120 }), async (steps) => {
        const held = new Map<Uint8Array, { readonly mark: number; readonly until: number }>()
        const slabs = new Slabs((see) => [...held.keys()].forEach(see))
        for (const [i, { bytes, lives }] of steps.entries()) {
          if (slabs.used + bytes > slabBytes) slabs.next()
          const frame = slabs.current.subarray(slabs.used, slabs.used + bytes)
          slabs.used += bytes
          frame.fill(i)
          held.set(frame, { mark: i, until: i + lives })
          await endOfTurn()
          for (const [other, { mark, until }] of held) {
            if (other[0] !== mark || other.at(-1) !== mark) return false
            if (until <= i) held.delete(other)
          }
        }
        return true
      }),
      { numRuns: 30 },
    )
  })
})
