import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { clock } from '../turn.ts'
import { type ActiveRequest, Requests, slotBits } from './requests.ts'
import { TimerWheel, tickMs } from './wheel.ts'

const start = performance.now()
afterEach(() => {
  clock.now = performance.now()
})

describe('timer wheel', () => {
  it('fires each timer once, never early and at most a tick late, also beyond one round', () => {
    const delay = fc.oneof(fc.integer({ min: 0, max: 500 }), fc.integer({ min: 60_000, max: 200_000 }))
    fc.assert(
      fc.property(
        fc.array(delay, { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 1, max: 400 }),
        (delays, step) => {
          clock.now = start
          const requests = new Requests()
          const fired = new Map<ActiveRequest, number>()
          const wheel = new TimerWheel((slot) => {
            expect(fired.has(slot)).toBe(false)
            fired.set(slot, clock.now)
          })
          const from = performance.now()
          clock.now = from
          const due = new Map<ActiveRequest, number>()
          for (const ms of delays) {
            const slot = requests.take()!
            due.set(slot, from + ms)
            wheel.set(slot, from + ms)
          }
          const end = from + Math.max(...delays) + 2 * tickMs + step
          for (clock.now = from; clock.now <= end; clock.now += step + (clock.now - from > 1000 ? 500 : 0))
            wheel.advance()
          clock.now = end
          wheel.advance()
          for (const [slot, at] of due) {
            expect(fired.get(slot)).toBeGreaterThanOrEqual(at)
            expect(fired.get(slot)! - at).toBeLessThanOrEqual(tickMs * 2 + step + 500)
          }
          expect(wheel.count).toBe(0)
        },
      ),
      { numRuns: 25 },
    )
  })

  it('a timer that fires may clear and set others of the same tick', () => {
    const requests = new Requests()
    const [a, b, c] = [requests.take()!, requests.take()!, requests.take()!]
    const fired: ActiveRequest[] = []
    const wheel: TimerWheel = new TimerWheel((slot) => {
      fired.push(slot)
      for (const other of [a, b, c]) if (other !== slot) wheel.clear(other)
      wheel.set(slot === a ? b : a, clock.now + 50)
    })
    const now = performance.now()
    for (const slot of [a, b, c]) wheel.set(slot, now + 10)
    clock.now = now + 40
    wheel.advance()
    expect(fired).toHaveLength(1)
    expect(wheel.count).toBe(1)
  })
})

describe('requests', () => {
  it('an id comes back only after very many others, and never while it is in use', () => {
    const requests = new Requests()
    const held = requests.take()!
    const id = held.wireId
    const seen = new Set<number>()
    for (let i = 0; i < 200_000; i++) {
      const slot = requests.take()!
      const wire = slot.wireId
      if (wire === id || seen.has(wire)) throw new Error(`id ${wire} came back after ${i}`)
      seen.add(wire)
      requests.release(slot)
    }
  })

  it('grow up to what an id can name, keep what is in them, and then there are none', () => {
    const requests = new Requests()
    const taken = new Set<ActiveRequest>()
    for (let request = requests.take(); request; request = requests.take()) {
      request.idLo = request.slot * 3
      taken.add(request)
    }
    // Slot 0 is never given.
    expect(taken.size).toBe((1 << slotBits) - 1)
    expect(new Set([...taken].map(({ slot }) => slot)).size).toBe((1 << slotBits) - 1)
    for (const { slot, idLo } of taken) if (idLo !== slot * 3) throw new Error(`request ${slot} lost its content`)
    for (const request of taken) requests.release(request)
    expect(requests.used).toBe(0)
    expect(requests.take()).toBeDefined()
  })
})
