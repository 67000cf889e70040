import { expect, it } from 'vitest'
import { chosen } from './nodes.ts'

/** Which proxy a short name means. */

const id = (name: string, address = '10.0.0.1') => `sidecar~${address}~${name}.default~default.svc.cluster.local`
const NODES = [id('shop'), id('shop-cache'), id('cart-1', '10.0.0.7'), id('cart-2', '10.0.0.8'), 'edge']

it('is the one whose id it is, or is the only one to have it', () => {
  expect(chosen('edge', NODES)).toBe('edge')
  expect(chosen('cache', NODES)).toBe(id('shop-cache'))
  expect(chosen('10.0.0.8', NODES)).toBe(id('cart-2', '10.0.0.8'))
})

it('is the workload of that name, whichever begins like it', () => {
  expect(chosen('shop', NODES)).toBe(id('shop'))
  expect(chosen('shop.default', NODES)).toBe(id('shop'))
})

it('is asked for again when several have it', () => {
  expect(() => chosen('cart', NODES)).toThrow(
    `cart stands in the ids of 2 proxies; say more of it:\n  ${NODES[2]}\n  ${NODES[3]}`,
  )
  const many = Array.from({ length: 14 }, (_, i) => id(`web-${i}`))
  expect(() => chosen('web', many)).toThrow('and 4 more')
})

it('stays what it is where no proxy has it; streams of one node are one', () => {
  expect(chosen('other', NODES)).toBe('other')
  expect(chosen('cart-1', [...NODES, NODES[2]!])).toBe(NODES[2])
})
