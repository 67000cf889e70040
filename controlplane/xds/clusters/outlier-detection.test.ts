import { expect, test } from 'vitest'
import { clusterWith } from './fixture.ts'

test('without outlier detection nothing is ejected and the panic threshold is left to Envoy', () => {
  const cluster = clusterWith('{}')
  expect(cluster.outlierDetection).toBeUndefined()
  expect(cluster.commonLbConfig).not.toHaveProperty('healthyPanicThreshold')
})

test('every setting has its field; success-rate ejection is off', () => {
  const cluster = clusterWith(`outlierDetection:
  consecutive5xxErrors: 7
  consecutiveGatewayErrors: 3
  interval: 5s
  baseEjectionTime: 1m
  maxEjectionPercent: 50
  minHealthPercent: 30
  splitExternalLocalOriginErrors: true
  consecutiveLocalOriginFailures: 2`)
  expect(cluster.outlierDetection).toEqual({
    consecutive5xx: 7,
    enforcingConsecutive5xx: 100,
    consecutiveGatewayFailure: 3,
    enforcingConsecutiveGatewayFailure: 100,
    interval: '5s',
    baseEjectionTime: '60s',
    maxEjectionPercent: 50,
    enforcingSuccessRate: 0,
    splitExternalLocalOriginErrors: true,
    consecutiveLocalOriginFailure: 2,
    enforcingConsecutiveLocalOriginFailure: 100,
    enforcingLocalOriginSuccessRate: 0,
  })
  expect(cluster.commonLbConfig).toMatchObject({ healthyPanicThreshold: { value: 30 } })
})

test('with ejection there is no panic unless asked for', () => {
  expect(clusterWith('{outlierDetection: {}}').commonLbConfig).toMatchObject({ healthyPanicThreshold: {} })
})

test('a count of 0 turns that kind off', () => {
  expect(clusterWith('{outlierDetection: {consecutive5xxErrors: 0}}').outlierDetection).toEqual({
    consecutive5xx: 0,
    enforcingConsecutive5xx: 0,
    enforcingSuccessRate: 0,
  })
})

test('the old consecutiveErrors does nothing, as in Istio', () => {
  expect(clusterWith('{outlierDetection: {consecutiveErrors: 4}}').outlierDetection).toEqual({
    enforcingSuccessRate: 0,
  })
})

test('own error codes replace the 5xx as what counts', () => {
  const options = (codes: string) =>
    clusterWith(`{outlierDetection: {outlierDetectionHttpErrorCodes: ${codes}}}`).typedExtensionProtocolOptions[
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'
    ]
  const status = (code: string) => ({
    httpResponseHeadersMatch: { headers: [{ name: ':status', stringMatch: { exact: code } }] },
  })
  expect(options('[429]')).toMatchObject({
    outlierDetection: { errorMatcher: status('429') },
    explicitHttpConfig: { httpProtocolOptions: {} },
  })
  expect(options('[429, 503]').outlierDetection.errorMatcher).toEqual({
    orMatch: { rules: [status('429'), status('503')] },
  })
})

test('a change of health or weight is in force at once, so that who leaves gets nothing new', () => {
  expect(clusterWith('{}').commonLbConfig).toEqual({ updateMergeWindow: '0s' })
})
