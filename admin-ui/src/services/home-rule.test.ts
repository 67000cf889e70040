import { describe, expect, it } from 'vitest'
import { homeRule } from './home-rule.ts'

const rule = (kind: string, name: string, hosts: readonly string[], namespace = 'default') => ({
  ...{ key: `${kind}/${namespace}/${name}`, kind, namespace, hosts: [...hosts], file: 'a.yaml' },
})
const HOST = 'reviews.default.svc.cluster.local'

describe('where a policy of a service is written', () => {
  it('in the rule of its kind that names the service, in short or in full', () => {
    const rules = [rule('DestinationRule', 'd', ['reviews']), rule('VirtualService', 'v', [HOST])]
    expect(homeRule(rules, 'fault', HOST)).toBe('VirtualService/default/v')
    expect(homeRule(rules, 'loadBalancing', HOST)).toBe('DestinationRule/default/d')
    expect(homeRule(rules, 'messageRoutes', HOST)).toBeUndefined()
  })

  it('of messages: in the rule that routes them, for a VirtualService has no say over them', () => {
    const route = { topic: 'messageRoutes', document: 'MsgRouter/default/chat' } as const
    const rules = [rule('VirtualService', 'v', [HOST]), rule('DestinationRule', 'd', [HOST])]
    expect(homeRule(rules, 'fault', HOST, [route])).toBe('MsgRouter/default/chat')
    expect(homeRule(rules, 'circuitBreaking', HOST, [route])).toBe('DestinationRule/default/d')
  })

  it('not in one of another namespace that means its own service by the same short name', () =>
    expect(homeRule([rule('VirtualService', 'v', ['reviews'], 'other')], 'fault', HOST)).toBeUndefined())
})
