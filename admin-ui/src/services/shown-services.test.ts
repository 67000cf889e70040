import { expect, it } from 'vitest'
import { shownServices, topicsByHost } from './shown-services.ts'

const service = (hostname: string, namespace: string, protocol = 'http') => ({
  ...{ hostname, namespace },
  ports: [{ number: 80, name: 'main', protocol, endpoints: [] }],
})
const services = [service('pay.shop', 'shop'), service('cart.shop', 'shop', 'grpc'), service('pay.back', 'back')]
const topics = topicsByHost([
  { topic: 'split', services: ['pay.shop', 'pay.back'] },
  { topic: 'fault', services: ['pay.shop'] },
])
const shown = (filter: object) =>
  shownServices(services, { q: '', ns: '', topic: '', ...filter }, topics).map(({ hostname }) => hostname)

it('every topic of a host is known once', () => {
  expect([...topics].map(([host, of]) => [host, ...of])).toEqual([
    ['pay.shop', 'split', 'fault'],
    ['pay.back', 'split'],
  ])
})

it('words, namespace and topic each leave out what they do not fit, and all of them hold together', () => {
  expect(shown({})).toHaveLength(3)
  expect(shown({ q: 'pay' })).toEqual(['pay.shop', 'pay.back'])
  expect(shown({ q: 'grpc' })).toEqual(['cart.shop'])
  expect(shown({ ns: 'shop', q: 'pay' })).toEqual(['pay.shop'])
  expect(shown({ topic: 'split', ns: 'back' })).toEqual(['pay.back'])
  expect(shown({ topic: 'mirror' })).toEqual([])
})
