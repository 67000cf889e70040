import { describe, expect, it } from 'vitest'
import type { Rule } from '../api/schema.ts'
import { type Given, newRule } from './new-rule.ts'

const REVIEWS = 'reviews.shop.svc.cluster.local'
const SERVICES = [{ hostname: REVIEWS, namespace: 'shop' }]

const rule = (key: string, hosts: readonly string[] = []): Rule => {
  const [kind = '', namespace = '', name = ''] = key.split('/')
  return { key, kind, namespace, name, hosts: [...hosts] } as unknown as Rule
}
const made = (host: string, given: Given = {}, rules: readonly Rule[] = [], kind = 'VirtualService') =>
  newRule({ kind }, host, given, SERVICES, rules)

describe('a new rule', () => {
  it('is called as its host and lies in the namespace of the service', () => {
    expect(made(REVIEWS)).toEqual({
      name: 'reviews',
      namespace: 'shop',
      file: 'virtualservice-reviews.yaml',
      key: 'VirtualService/shop/reviews',
      wrong: undefined,
      wrongName: undefined,
      other: undefined,
    })
  })

  it('of a host nobody knows lies in the namespace default; of all hosts it is called all', () => {
    expect(made('api.example.com')).toMatchObject({ name: 'api', namespace: 'default' })
    expect(made('*.example.com')).toMatchObject({ name: 'all' })
  })

  it('gets a number where its name is taken, and none where a person wrote the name', () => {
    const rules = [rule('VirtualService/shop/reviews'), rule('VirtualService/shop/reviews-2')]
    expect(made(REVIEWS, {}, rules)).toMatchObject({ name: 'reviews-3', wrong: undefined })
    expect(made(REVIEWS, { name: 'reviews' }, rules)).toMatchObject({ wrong: 'taken', wrongName: 'taken' })
    expect(made(REVIEWS, { name: 'reviews', namespace: 'test' }, rules)).toMatchObject({ wrong: undefined })
    expect(made(REVIEWS, {}, rules, 'DestinationRule')).toMatchObject({ name: 'reviews', wrong: undefined })
  })

  it.each([
    ['a host', '', {}, 'host', undefined],
    ['a name', REVIEWS, { name: '' }, 'noName', undefined],
    ['a name as Kubernetes has them', REVIEWS, { name: 'Reviews_1' }, 'name', 'name'],
    ['a file of YAML', REVIEWS, { file: 'reviews.txt' }, 'file', undefined],
    ['a file below the folder', REVIEWS, { file: '/etc/reviews.yaml' }, 'file', undefined],
  ] as const)('needs %s', (_, host, given, wrong, wrongName) => {
    expect(made(host, given)).toMatchObject({ wrong, wrongName })
  })

  it('that is for no host needs none, and a name by a person', () => {
    const protocol = (given: Given) => newRule({ kind: 'Protocol', hostless: true }, '', given, SERVICES, [])
    expect(protocol({})).toMatchObject({ wrong: 'noName', file: 'protocol-new.yaml' })
    expect(protocol({ name: 'arena' })).toMatchObject({ wrong: undefined, key: 'Protocol/default/arena' })
  })

  it('tells of the rule of its kind that speaks of the host already', () => {
    const rules = [rule('DestinationRule/shop/mine', [REVIEWS]), rule('VirtualService/shop/theirs', ['reviews'])]
    expect(made(REVIEWS, {}, rules).other?.key).toBe('VirtualService/shop/theirs')
    expect(made(REVIEWS, {}, rules, 'DestinationRule').other?.key).toBe('DestinationRule/shop/mine')
    expect(made(REVIEWS, {}, rules, 'MsgRouter').other).toBeUndefined()
  })
})
