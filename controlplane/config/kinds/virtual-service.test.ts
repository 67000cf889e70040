import { describe, expect, it } from 'vitest'
import { checkNetworking } from '../../../test/helpers/config-documents.ts'

const check = (spec: string) => checkNetworking('VirtualService', spec)
const ROUTE = 'http: [{route: [{destination: {host: foo.baz}}]}]'
/** A spec with one HTTP rule that has these fields beside its route. */
const rule = (fields: string) =>
  check(`{hosts: [foo.bar], http: [{route: [{destination: {host: foo.baz}}], ${fields}}]}`)
const match = (fields: string) => rule(`match: [{${fields}}]`)
const AT = 'spec.http[0]'

describe('a VirtualService that is right', () => {
  it.each([
    `{hosts: [foo.bar], ${ROUTE}}`,
    `{hosts: [10.0.0.1], ${ROUTE}}`,
    `{${ROUTE}}`,
    `{hosts: ['*'], gateways: [somegateway], ${ROUTE}}`,
    `{hosts: [foo.bar], gateways: [ns1/gateway, mesh], ${ROUTE}}`,
    '{hosts: [foo.bar], http: [{delegate: {name: other}}]}',
    '{hosts: [foo.bar], http: [{redirect: {authority: x, redirectCode: 308}}]}',
    '{hosts: [foo.bar], http: [{directResponse: {status: 503, body: {string: no}}}]}',
    '{hosts: [foo.bar], tcp: [{match: [{port: 99, destinationSubnets: [10.0.0.0/8]}], route: [{destination: {host: a.b}}]}]}',
    '{hosts: ["*.bar"], tls: [{match: [{sniHosts: [a.bar]}], route: [{destination: {host: a.b, port: {number: 1}}}]}]}',
  ])('%s', (spec) => expect(check(spec)).toEqual([]))

  it('may use a prefix of a path that is empty, but no other empty prefix', () => {
    expect(match('uri: {prefix: ""}')).toEqual([])
    expect(match('method: {prefix: ""}')).toEqual([`FIELD_VALUE ${AT}.match[0].method.prefix`])
    expect(match('headers: {a: {prefix: ""}}')).toEqual([`FIELD_VALUE ${AT}.match[0].headers.a.prefix`])
  })
})

describe('hosts and gateways', () => {
  it.each([
    ['{hosts: [foo.ba!r]', 'FIELD_VALUE spec.hosts[0]'],
    ['{hosts: ["*"]', 'FIELD_VALUE spec.hosts[0]'],
    ['{hosts: ["*.foo.bar", "*.bar"]', 'FIELD_VALUE spec.hosts[1]'],
    ['{hosts: [a.b, A.b]', 'FIELD_VALUE spec.hosts[1]'],
    ['{hosts: [foo.bar], gateways: [b@dgateway]', 'FIELD_VALUE spec.gateways[0]'],
    ['{hosts: [foo.bar], gateways: ["ns1/*"]', 'FIELD_VALUE spec.gateways[0]'],
    ['{hosts: [foo.bar], gateways: ["*/gateway"]', 'FIELD_VALUE spec.gateways[0]'],
    ['{hosts: [foo.bar], gateways: [gateway.example.com]', 'FIELD_DEPRECATED spec.gateways[0]'],
    ['{hosts: [foo.bar], gateways: ["1"]', 'FIELD_VALUE spec.gateways[0]'],
    ['{hosts: [foo.bar], gateways: [mesh, ns/my.gateway]', 'FIELD_QUESTIONABLE spec.gateways[1]'],
    ['{gateways: [g]', 'FIELD_VALUE spec.gateways'],
    ['{hosts: [foo.bar], exportTo: ["*", a]', 'FIELD_VALUE spec.exportTo'],
  ])('%s', (start, problem) => expect(check(`${start}, ${ROUTE}}`)).toEqual([problem]))

  it('something must be routed', () => expect(check('{hosts: [foo.bar]}')).toEqual(['FIELD_REQUIRED spec']))
})

describe('rules for HTTP', () => {
  it.each([
    ['redirect: {uri: /x}', `FIELD_CONFLICT ${AT}.route`],
    ['directResponse: {status: 200}', `FIELD_CONFLICT ${AT}.route`],
    ['mirror: {host: a}, mirrors: [{destination: {host: b}}]', `FIELD_CONFLICT ${AT}.mirrors`],
    ['rewrite: {}', `FIELD_VALUE ${AT}.rewrite`],
    ['rewrite: {uri: /a, uriRegexRewrite: {match: a, rewrite: b}}', `FIELD_CONFLICT ${AT}.rewrite.uriRegexRewrite`],
    ['rewrite: {uriRegexRewrite: {match: "*", rewrite: b}}', `FIELD_VALUE ${AT}.rewrite.uriRegexRewrite.match`],
    ['rewrite: {authority: a}, headers: {request: {set: {Host: b}}}', `FIELD_CONFLICT ${AT}.headers.request.set.Host`],
    ['headers: {request: {set: {":path": b}}}', `FIELD_VALUE ${AT}.headers.request.set[":path"]`],
    ['headers: {response: {remove: [host]}}', `FIELD_VALUE ${AT}.headers.response.remove[0]`],
    ['headers: {response: {add: {a: "50%"}}}', `FIELD_VALUE ${AT}.headers.response.add.a`],
    ['timeout: 0s', `FIELD_VALUE ${AT}.timeout`],
    ['timeout: 1.5ms', `FIELD_VALUE ${AT}.timeout`],
    ['retries: {attempts: -1}', `FIELD_VALUE ${AT}.retries.attempts`],
    ['retries: {attempts: 0, retryOn: 5xx}', `FIELD_VALUE ${AT}.retries.attempts`],
    ['retries: {backoff: 1s}', `FIELD_NO_EFFECT ${AT}.retries.backoff`],
    ['retries: {attempts: 1, retryOn: "5xx,sometimes"}', `FIELD_VALUE ${AT}.retries.retryOn`],
    ['retries: {attempts: 1, retryOn: "5xx, reset"}', `FIELD_VALUE ${AT}.retries.retryOn`],
    ['fault: {}', `FIELD_VALUE ${AT}.fault`],
    ['fault: {abort: {httpStatus: 199, percentage: {value: 1}}}', `FIELD_VALUE ${AT}.fault.abort.httpStatus`],
    ['fault: {abort: {grpcStatus: nope, percentage: {value: 1}}}', `FIELD_VALUE ${AT}.fault.abort.grpcStatus`],
    ['fault: {abort: {httpStatus: 500}}', `FIELD_NO_EFFECT ${AT}.fault.abort`],
    ['fault: {delay: {fixedDelay: 1s}}', `FIELD_NO_EFFECT ${AT}.fault.delay`],
    ['fault: {abort: {percentage: {value: 1}}}', `FIELD_NO_EFFECT ${AT}.fault.abort`],
    ['fault: {delay: {fixedDelay: 1s, percentage: {value: 101}}}', `FIELD_VALUE ${AT}.fault.delay.percentage.value`],
    [
      'fault: {delay: {fixedDelay: 1s, percentage: {value: 0.00001}}}',
      `FIELD_VALUE ${AT}.fault.delay.percentage.value`,
    ],
    ['corsPolicy: {allowOrigins: [{}]}', `FIELD_VALUE ${AT}.corsPolicy.allowOrigins[0]`],
    ['corsPolicy: {allowMethods: [GTE]}', `FIELD_VALUE ${AT}.corsPolicy.allowMethods[0]`],
    ['corsPolicy: {maxAge: 1500ms}', `FIELD_VALUE ${AT}.corsPolicy.maxAge`],
    ['mirror: {host: "*"}', `FIELD_VALUE ${AT}.mirror.host`],
    ['mirrorPercentage: {value: -1}', `FIELD_VALUE ${AT}.mirrorPercentage.value`],
  ])('%s', (fields, problem) => expect(rule(fields)).toEqual([problem]))

  it.each([
    ['uri: {regex: "*"}', 'uri.regex'],
    ['uri: {exact: a, prefix: b}', 'uri.prefix', 'FIELD_CONFLICT'],
    ['headers: {"a b": {exact: c}}', 'headers["a b"]'],
    ['headers: {"@request.auth.claims.x": {exact: c}}', 'headers["@request.auth.claims.x"]'],
    ['port: 70000', 'port'],
    ['sourceLabels: {"a b": c}', 'sourceLabels["a b"]'],
    ['sourceNamespace: a.b', 'sourceNamespace'],
    ['gateways: [a/b/c]', 'gateways[0]'],
    ['queryParams: {a: {regex: "("}}', 'queryParams.a.regex'],
  ])('match %s', (fields, place, code = 'FIELD_VALUE') =>
    expect(match(fields)).toEqual([`${code} ${AT}.match[0].${place}`]),
  )

  it('the regex * in withoutHeaders means presence', () =>
    expect(match('withoutHeaders: {a: {regex: "*"}}')).toEqual([]))

  it('weights: not negative, and not all zero', () => {
    const routes = (weights: string) => check(`{hosts: [a.b], http: [{route: [${weights}]}]}`)
    expect(routes('{destination: {host: a}, weight: -1}')).toEqual([`FIELD_VALUE ${AT}.route[0].weight`])
    expect(routes('{destination: {host: a}}, {destination: {host: b}}')).toEqual([`FIELD_VALUE ${AT}.route`])
    expect(routes('{destination: {host: a}, weight: 0}')).toEqual([])
  })

  it('an empty list of destinations beside a delegate is none', () =>
    expect(check('{hosts: [a.b], http: [{delegate: {name: d}, route: []}]}')).toEqual([]))

  it('a delegate has no actions beside it and does not delegate again', () => {
    expect(check('{hosts: [a.b], http: [{delegate: {name: x}, route: [{destination: {host: a}}]}]}')).toEqual([
      `FIELD_CONFLICT ${AT}.route`,
    ])
    expect(check('{http: [{delegate: {name: x}}]}')).toEqual([`FIELD_VALUE ${AT}.delegate`])
  })

  it('prefixRewrite needs prefixes', () => {
    expect(check('{hosts: [a.b], http: [{match: [{uri: {exact: /a}}], redirect: {prefixRewrite: /b}}]}')).toEqual([
      `FIELD_VALUE ${AT}.redirect.prefixRewrite`,
    ])
  })
})

describe('rules for TLS and TCP', () => {
  const tls = (sni: string) =>
    check(`{hosts: [foo.bar], tls: [{match: [{sniHosts: [${sni}]}], route: [{destination: {host: a}}]}]}`)
  it('SNI names are within the hosts', () => {
    expect(tls('foo.bar')).toEqual([])
    expect(tls('other.bar')).toEqual(['FIELD_VALUE spec.tls[0].match[0].sniHosts[0]'])
    expect(tls('foo.*.com')).toEqual(['FIELD_VALUE spec.tls[0].match[0].sniHosts[0]'])
    expect(tls('1.1.1.1')).toEqual(['FIELD_QUESTIONABLE spec.tls[0].match[0].sniHosts[0]'])
  })
  it('need a route', () => {
    expect(check('{hosts: [foo.bar], tcp: [{match: [{port: 999}]}]}')).toEqual(['FIELD_REQUIRED spec.tcp[0].route'])
    expect(check('{hosts: [foo.bar], tls: [{match: [{port: 999, sniHosts: [foo.bar]}]}]}')).toEqual([
      'FIELD_REQUIRED spec.tls[0].route',
    ])
  })
})
