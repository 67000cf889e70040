import { expect, it } from 'vitest'
import { blastRadius, dangerousNames } from './blast-radius.ts'

it('counts proxies by what they are', () => {
  expect(blastRadius(['sidecar~1~a.b~c', 'sidecar~2~a.b~c', 'router~3~g.b~c', 'grpc-client'])).toEqual({
    sidecars: 2,
    gateways: 1,
    others: 1,
    total: 4,
  })
})

it('asks for the name of every object a change endangers, once', () => {
  const one = { object: 'VirtualService/default/reviews', danger: true }
  expect(dangerousNames([one, one, { object: 'DestinationRule/default/cart', danger: false }])).toEqual(['reviews'])
})
