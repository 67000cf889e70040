import { describe, expect, it } from 'vitest'
import { checkNetworking } from '../../../test/helpers/config-documents.ts'

describe('DestinationRule', () => {
  const check = (fields: string) => checkNetworking('DestinationRule', `{host: reviews, ${fields}}`)
  const policy = (fields: string) => check(`trafficPolicy: {${fields}}`)
  const AT = 'spec.trafficPolicy'
  it.each([
    'subsets: [{name: v1, labels: {version: v1}}, {name: v2}]',
    'trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}, connectionPool: {tcp: {maxConnections: 7, idleTimeout: 0s}}}',
    'trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x, maglev: {tableSize: 65537}}}}',
    'trafficPolicy: {tls: {mode: SIMPLE, credentialName: configmap://ns/name}}',
    'trafficPolicy: {tunnel: {targetHost: a.b, targetPort: 80}}',
    'workloadSelector: {matchLabels: {app: a}}, exportTo: [.]',
  ])('takes %s', (fields) => expect(check(fields)).toEqual([]))

  it('has a policy that says something', () =>
    expect(check('trafficPolicy: {portLevelSettings: []}')).toEqual(['FIELD_VALUE spec.trafficPolicy']))

  it.each([
    ['', `FIELD_VALUE ${AT}`],
    ['connectionPool: {}', `FIELD_VALUE ${AT}.connectionPool`],
    ['connectionPool: {http: {maxRetries: -1}}', `FIELD_VALUE ${AT}.connectionPool.http.maxRetries`],
    [
      'connectionPool: {http: {http2KeepAlive: {interval: 1s}}}',
      `FIELD_REQUIRED ${AT}.connectionPool.http.http2KeepAlive.timeout`,
    ],
    [
      'connectionPool: {http: {h2UpgradePolicy: UPGRADE, useClientProtocol: true}}',
      `FIELD_CONFLICT ${AT}.connectionPool.http.useClientProtocol`,
    ],
    ['tls: {mode: SIMPLE, credentialName: configmap://name}', `FIELD_VALUE ${AT}.tls.credentialName`],
    ['tls: {credentialName: configmap:///name}', `FIELD_VALUE ${AT}.tls.credentialName`],
    ['outlierDetection: {maxEjectionPercent: 105}', `FIELD_VALUE ${AT}.outlierDetection.maxEjectionPercent`],
    ['outlierDetection: {consecutiveErrors: 5}', `FIELD_DEPRECATED ${AT}.outlierDetection.consecutiveErrors`],
    [
      'outlierDetection: {consecutiveLocalOriginFailures: 5}',
      `FIELD_VALUE ${AT}.outlierDetection.consecutiveLocalOriginFailures`,
    ],
    [
      'loadBalancer: {simple: RANDOM, consistentHash: {useSourceIp: true}}',
      `FIELD_CONFLICT ${AT}.loadBalancer.consistentHash`,
    ],
    ['loadBalancer: {simple: LEAST_CONN}', `FIELD_DEPRECATED ${AT}.loadBalancer.simple`],
    [
      'loadBalancer: {consistentHash: {useSourceIp: true, maglev: {tableSize: 1000}}}',
      `FIELD_VALUE ${AT}.loadBalancer.consistentHash.maglev.tableSize`,
    ],
    [
      'loadBalancer: {consistentHash: {httpHeaderName: a, useSourceIp: true}}',
      `FIELD_CONFLICT ${AT}.loadBalancer.consistentHash.useSourceIp`,
    ],
    ['loadBalancer: {warmup: {duration: 1s, aggression: 0}}', `FIELD_VALUE ${AT}.loadBalancer.warmup.aggression`],
    ['loadBalancer: {simple: RANDOM, warmup: {duration: 1s}}', `FIELD_NO_EFFECT ${AT}.loadBalancer.warmup`],
    [
      'loadBalancer: {localityLbSetting: {failover: [{from: a, to: b}]}}',
      `FIELD_QUESTIONABLE ${AT}.loadBalancer.localityLbSetting`,
    ],
    [
      'outlierDetection: {}, loadBalancer: {localityLbSetting: {failover: [{from: a, to: a}]}}',
      `FIELD_VALUE ${AT}.loadBalancer.localityLbSetting.failover[0].to`,
    ],
    [
      'loadBalancer: {localityLbSetting: {distribute: [{from: a, to: {a: 50}}]}}',
      `FIELD_VALUE ${AT}.loadBalancer.localityLbSetting.distribute[0].to`,
    ],
    [
      'loadBalancer: {localityLbSetting: {distribute: [{from: a/*, to: {a: 50, a/b: 50}}]}}',
      `FIELD_VALUE ${AT}.loadBalancer.localityLbSetting.distribute[0].to["a/b"]`,
    ],
    ['tls: {mode: MUTUAL, clientCertificate: a}', `FIELD_REQUIRED ${AT}.tls.privateKey`],
    ['tls: {mode: SIMPLE, credentialName: a, caCertificates: b}', `FIELD_CONFLICT ${AT}.tls.caCertificates`],
    ['tls: {mode: SIMPLE, insecureSkipVerify: true, caCertificates: b}', `FIELD_CONFLICT ${AT}.tls.caCertificates`],
    ['tunnel: {targetHost: "a b", targetPort: 80}', `FIELD_VALUE ${AT}.tunnel.targetHost`],
    ['tunnel: {targetHost: a.b, targetPort: 0}', `FIELD_VALUE ${AT}.tunnel.targetPort`],
    ['tunnel: {targetHost: a.b, targetPort: 1}, proxyProtocol: {version: V2}', `FIELD_CONFLICT ${AT}.proxyProtocol`],
    ['portLevelSettings: [{port: {number: 1}}]', `FIELD_VALUE ${AT}.portLevelSettings[0]`],
    ['portLevelSettings: [{tls: {mode: DISABLE}}]', `FIELD_REQUIRED ${AT}.portLevelSettings[0].port`],
  ])('policy %s', (fields, problem) => expect(policy(fields)).toEqual([problem]))

  it.each([
    ['subsets: [{name: v1}, {name: v1}]', 'FIELD_VALUE spec.subsets[1].name'],
    ['subsets: [{name: v.1}]', 'FIELD_VALUE spec.subsets[0].name'],
    ['subsets: [{name: v1, labels: {"a b": c}}]', 'FIELD_VALUE spec.subsets[0].labels["a b"]'],
    ['workloadSelector: {matchLabels: {app: a}}, exportTo: [other]', 'FIELD_VALUE spec.exportTo'],
    ['workloadSelector: {matchLabels: {app: "*"}}', 'FIELD_VALUE spec.workloadSelector.matchLabels.app'],
  ])('%s', (fields, problem) => expect(check(fields)).toEqual([problem]))
})
