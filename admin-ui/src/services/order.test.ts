import { describe, expect, it } from 'vitest'
import { byName, inOrder } from './order.ts'

const services = ['a', 'b', 'c', 'd'].map((hostname) => ({ hostname }))
const figures = new Map(
  [
    { hostname: 'b', requests: 100, failed: 1, p99Ms: 9 },
    { hostname: 'c', requests: 10, failed: 5 },
    { hostname: 'd', requests: 10, failed: 0, p99Ms: 200 },
  ].map((one) => [one.hostname, one]),
)
const names = (order: string) => inOrder(services, order, figures).map(({ hostname }) => hostname)

describe('the order of services', () => {
  it('has those first whose requests fail most', () => expect(names('failed')).toEqual(['c', 'b', 'd', 'a']))
  it('has those first that get most requests, equal ones as they were', () =>
    expect(names('rate')).toEqual(['b', 'c', 'd', 'a']))
  it('has the slowest first', () => expect(names('p99')).toEqual(['d', 'b', 'c', 'a']))
  it('is that of the list where an address names no order', () =>
    expect(names('toString')).toEqual(['a', 'b', 'c', 'd']))
})

it('names stand in the order of the hosts that are shown, numbers by what they count', () => {
  const hosts = ['cart.shop', 's10.ns', 'arena.battle', 's9.ns'].map((hostname) => ({ hostname }))
  expect(byName(hosts).map(({ hostname }) => hostname)).toEqual(['arena.battle', 'cart.shop', 's9.ns', 's10.ns'])
})
