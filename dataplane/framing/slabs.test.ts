import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { keep, type Slab, Slabs, slabBytes } from './slabs.ts'

const endOfTurn = () => new Promise(setImmediate)

/** Fills slabs to the brim, several in a turn. */
async function churn(slabs: Slabs, turns = 10, perTurn = 3): Promise<void> {
  for (let i = 0; i < turns; i++) {
    for (let k = 0; k < perTurn; k++) {
      slabs.room(slabBytes)
      slabs.current.fill(0xee)
    }
    await endOfTurn()
  }
}

describe('the memory of what was read', () => {
  it('is used again with the next turn, so that any number of messages needs what one turn needs', async () => {
    const slabs = new Slabs()
    const seen = new Set<Uint8Array>()
    for (let turn = 0; turn < 100; turn++) {
      for (let read = 0; read < 10; read++) {
        slabs.room(slabBytes / 4)
        seen.add(slabs.current)
      }
      await endOfTurn()
      expect(slabs.used).toBe(0)
    }
    expect(seen.size).toBe(3)
  })

  it('is not used again within a turn: what was pushed in it is not written yet', async () => {
    const slabs = new Slabs()
    const seen = new Set<Uint8Array>()
    for (let i = 0; i < 100; i++) {
      slabs.room(slabBytes)
      seen.add(slabs.current)
    }
    expect(seen.size).toBe(100)
    await endOfTurn()
    slabs.room(slabBytes)
    slabs.room(slabBytes)
    expect(seen.has(slabs.current)).toBe(true)
  })

  it('stays as it is while requests in flight have their frames there, and is free after the turn of the last one', async () => {
    const slabs = new Slabs()
    const { current } = slabs
    slabs.room(200)
    const [one, other] = [slabs.hold(current)!, slabs.hold(current)!]
    current.fill(1)
    await churn(slabs)
    one.letGo()
    await churn(slabs)
    expect(current.every((byte) => byte === 1)).toBe(true)
    other.letGo()
    slabs.room(slabBytes)
    expect(slabs.current).not.toBe(current)
    await endOfTurn()
    await churn(slabs)
    expect(current[0]).toBe(0xee)
  })

  it('is not held by a frame in memory of its own', () => {
    const slabs = new Slabs()
    expect(slabs.hold(new Uint8Array(10))).toBe(null)
    expect(slabs.hold(slabs.current.slice())).toBe(null)
  })

  it('is never used again when somebody keeps bytes of it, also after all requests are answered', async () => {
    for (const holds of [false, true]) {
      const slabs = new Slabs()
      const { current } = slabs
      const slab = holds ? slabs.hold(current) : null
      current.fill(2)
      slabs.room(1)
      keep(current.subarray(0, 1))
      await endOfTurn()
      expect(slabs.used).toBe(1)
      slabs.next()
      slab?.letGo()
      await churn(slabs)
      expect(current.every((byte) => byte === 2)).toBe(true)
    }
    // Memory of others is no business of theirs.
    keep(new Uint8Array(10))
  })

  it('goes back to the system when a proxy is at rest', async () => {
    const slabs = new Slabs()
    await churn(slabs, 2, 20)
    expect(slabs.counts.free).toBeGreaterThan(10)
    slabs.trim()
    expect(slabs.counts.free).toBeGreaterThan(10)
    slabs.trim()
    expect(slabs.counts).toEqual({ full: 0, free: 0 })
  })

  it('holds every frame in flight as it came, whatever comes and goes', async () => {
    const step = fc.record({
      bytes: fc.integer({ min: 1, max: slabBytes }),
      lives: fc.integer({ min: 0, max: 20 }),
      turn: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 40, maxLength: 120 }), async (steps) => {
        interface Held {
          readonly slab: Slab
          readonly mark: number
          readonly until: number
        }
        const held = new Map<Uint8Array, Held>()
        const slabs = new Slabs()
        for (const [i, { bytes, lives, turn }] of steps.entries()) {
          const start = slabs.room(bytes)
          const frame = slabs.current.subarray(start, start + bytes)
          frame.fill(i)
          held.set(frame, { slab: slabs.hold(slabs.current)!, mark: i, until: i + lives })
          if (turn) await endOfTurn()
          for (const [other, { slab, mark, until }] of held) {
            if (other[0] !== mark || other.at(-1) !== mark) return false
            if (until > i) continue
            held.delete(other)
            slab.letGo()
          }
        }
        for (const { slab } of held.values()) slab.letGo()
        await endOfTurn()
        return slabs.counts.full === 0
      }),
      { numRuns: 30 },
    )
  })
})
