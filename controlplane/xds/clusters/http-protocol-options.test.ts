import { expect, test } from 'vitest'
import { clusterJson, clusterWith, SHOP, scopeOf } from './fixture.ts'

const EXTENSION = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'

function optionsWith(http: string, tcp = '{}') {
  const { '@type': _, ...options } = clusterWith(`{connectionPool: {http: ${http}, tcp: ${tcp}}}`)
    .typedExtensionProtocolOptions[EXTENSION]
  return options
}

test('plain HTTP and TCP need no options, gRPC speaks HTTP/2', () => {
  const scope = scopeOf(SHOP)
  expect(clusterJson(scope, 'outbound|80||shop.test').typedExtensionProtocolOptions).toBeUndefined()
  expect(clusterJson(scope, 'outbound|82||shop.test').typedExtensionProtocolOptions).toBeUndefined()
  expect(clusterJson(scope, 'outbound|81||shop.test').typedExtensionProtocolOptions[EXTENSION]).toMatchObject({
    explicitHttpConfig: { http2ProtocolOptions: {} },
  })
})

test('limits of connections', () => {
  expect(
    optionsWith('{maxRequestsPerConnection: 1, idleTimeout: 5s}', '{maxConnectionDuration: 1h, idleTimeout: 9s}'),
  ).toEqual({
    commonHttpProtocolOptions: { idleTimeout: '5s', maxRequestsPerConnection: 1, maxConnectionDuration: '3600s' },
    explicitHttpConfig: { httpProtocolOptions: {} },
  })
  expect(optionsWith('{}', '{idleTimeout: 9s}').commonHttpProtocolOptions).toEqual({ idleTimeout: '9s' })
})

test('h2UpgradePolicy: UPGRADE speaks HTTP/2, with its own limits', () => {
  expect(optionsWith('{h2UpgradePolicy: UPGRADE, maxConcurrentStreams: 7, http2KeepAlive: {interval: 30s}}')).toEqual({
    explicitHttpConfig: {
      http2ProtocolOptions: { maxConcurrentStreams: 7, connectionKeepalive: { interval: '30s', timeout: '20s' } },
    },
  })
  expect(clusterWith('{connectionPool: {http: {h2UpgradePolicy: DO_NOT_UPGRADE}}}').typedExtensionProtocolOptions).toBe(
    undefined,
  )
})

test('useClientProtocol follows the caller, also past UPGRADE', () => {
  expect(optionsWith('{useClientProtocol: true, h2UpgradePolicy: UPGRADE, maxConcurrentStreams: 7}')).toEqual({
    useDownstreamProtocolConfig: { httpProtocolOptions: {}, http2ProtocolOptions: { maxConcurrentStreams: 7 } },
  })
})
