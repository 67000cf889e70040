import { describe, expect, it } from 'vitest'
import { codec } from '../../codecs/game/codec.ts'
import type { RouteAction } from '../configuration.ts'
import { compileTable } from '../route/compile.ts'
import { R } from '../stats/counters.ts'
import { refuses } from './session.ts'

function routeOf(action: Partial<RouteAction>) {
  const source = { name: 't', routes: [{ name: 'r', match: [], action: { destinations: [], ...action } }] }
  return compileTable(codec, source, new Map()).routes[0]!
}

const frame = new Uint8Array(24)
const greet = (route: ReturnType<typeof routeOf>) => refuses(route, frame, 0, frame.length)

describe('a handshake that its route turns away', () => {
  it('by a limit: the second is counted and refused', () => {
    const route = routeOf({ rateLimits: [{ maxTokens: 1, tokensPerFill: 1, fillIntervalMs: 3_600_000 }] })
    expect([greet(route), greet(route)]).toEqual([false, true])
    expect([R.rq_rate_limited, R.rq_fault].map((at) => route.state.counters[at])).toEqual([1, 0])
  })

  it('by a reply of the route, which is no fault', () => {
    const route = routeOf({ reply: { reason: 'fault' } })
    expect(greet(route)).toBe(true)
    expect(route.state.counters[R.rq_fault]).toBe(0)
  })

  it('by an abort, and not by a delay', () => {
    expect(greet(routeOf({ fault: { delay: { percent: 100, ms: 10 } } }))).toBe(false)
    const route = routeOf({ fault: { abort: { percent: 100 } } })
    expect(greet(route)).toBe(true)
    expect(route.state.counters[R.rq_fault]).toBe(1)
  })
})
