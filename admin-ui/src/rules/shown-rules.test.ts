import { expect, it } from 'vitest'
import type { Rule } from '../api/schema.ts'
import { shownRules } from './shown-rules.ts'

const rule = (kind: string, name: string, over: Partial<Rule> = {}): Rule => ({
  ...{ key: `${kind}/shop/${name}`, kind, name, namespace: 'shop', hosts: [`${name}.example.com`] },
  ...{ path: `config/${name}.yaml`, line: 1, errors: 0, warnings: 0 },
  ...over,
})
const rules = [
  rule('VirtualService', 'cart', { warnings: 1 }),
  rule('DestinationRule', 'cart', { errors: 1, file: 'limits.yaml' }),
  rule('VirtualService', 'pay', { namespace: 'back' }),
]
const shown = (filter: object) =>
  shownRules(rules, { q: '', kind: '', ns: '', problems: '', ...filter }).map(({ key }) => key)

it('words are looked for in kind, name, namespace, hosts, and the file where there is one', () => {
  expect(shown({ q: 'cart.example' })).toHaveLength(2)
  expect(shown({ q: 'limits' })).toEqual(['DestinationRule/shop/cart'])
  expect(shown({ q: 'config/cart' })).toEqual(['VirtualService/shop/cart'])
  expect(shown({ q: 'virtual back' })).toEqual(['VirtualService/shop/pay'])
})

it('kind and namespace hold together, and problems are errors alone or warnings, too', () => {
  expect(shown({ kind: 'VirtualService', ns: 'shop' })).toEqual(['VirtualService/shop/cart'])
  expect(shown({ problems: 'errors' })).toEqual(['DestinationRule/shop/cart'])
  expect(shown({ problems: 'all' })).toHaveLength(2)
})
