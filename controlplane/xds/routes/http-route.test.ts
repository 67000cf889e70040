import { describe, expect, it } from 'vitest'
import { hostOf, originsOf, routesOf, services, table, virtualService } from './fixture.ts'

const to = (more: string) => `- route: [{destination: {host: reviews}}]\n${more.replace(/^/gm, '  ')}`
const only = (rules: string, documents = '') => routesOf(rules, {}, documents)[0]

describe('split', () => {
  it('one destination gets everything, whatever its weight', () => {
    const route = only('- route: [{destination: {host: reviews, subset: v1}, weight: 0}]')
    expect(route.route.cluster).toBe('outbound|80|v1|reviews.default.svc.cluster.local')
  })

  it('weights need not sum to 100; a destination of several without weight gets nothing', () => {
    const route = only(`
- route:
  - {destination: {host: reviews, subset: v1}, weight: 3}
  - {destination: {host: reviews, subset: v2}, weight: 1}
  - {destination: {host: details}}`)
    expect(route.route.weightedClusters.clusters).toEqual([
      { name: 'outbound|80|v1|reviews.default.svc.cluster.local', weight: 3 },
      { name: 'outbound|80|v2|reviews.default.svc.cluster.local', weight: 1 },
    ])
  })

  it('headers of a destination: on the route when it is alone, on its cluster among several; the rule comes first', () => {
    const headers = 'headers: {request: {set: {x: destination}}}'
    expect(
      only(`- route: [{destination: {host: reviews}, ${headers}}]\n  headers: {request: {set: {x: rule}}}`)
        .requestHeadersToAdd,
    ).toEqual([
      { header: { key: 'x', value: 'rule' }, appendAction: 'OVERWRITE_IF_EXISTS_OR_ADD' },
      { header: { key: 'x', value: 'destination' }, appendAction: 'OVERWRITE_IF_EXISTS_OR_ADD' },
    ])
    const [first] = only(
      `- route: [{destination: {host: reviews}, weight: 1, headers: {request: {set: {x: a, Host: b}}}}, {destination: {host: details}, weight: 1}]`,
    ).route.weightedClusters.clusters
    expect(first.requestHeadersToAdd).toEqual([
      { header: { key: 'x', value: 'a' }, appendAction: 'OVERWRITE_IF_EXISTS_OR_ADD' },
    ])
    expect(first.hostRewriteLiteral).toBe('b')
  })

  it('a destination without port is the only port of the service, else the port asked for', () => {
    expect(only('- route: [{destination: {host: details}}]').route.cluster).toBe(
      'outbound|80||details.default.svc.cluster.local',
    )
    expect(only('- route: [{destination: {host: ratings, port: {number: 9090}}}]').route.cluster).toBe(
      'outbound|9090||ratings.default.svc.cluster.local',
    )
  })
})

describe('missing destinations', () => {
  const body = (route: { directResponse: { status: number; body: { inlineString: string } } }) => [
    route.directResponse.status,
    route.directResponse.body.inlineString,
  ]
  it.each([
    ['{host: nowhere}', 'no service nowhere.default.svc.cluster.local is visible here'],
    ['{host: reviews, subset: v9}', 'no DestinationRule gives service reviews.default.svc.cluster.local a subset v9'],
    ['{host: ratings}', 'service ratings.default.svc.cluster.local has no port 80'],
  ])('%s answers 503 and says why', (destination, reason) => {
    expect(body(only(`- route: [{destination: ${destination}}]`))).toEqual([
      503,
      `meshgate: ${reason} (VirtualService default/rules, spec.http[0].route[0].destination)\n`,
    ])
  })

  it('among several it takes its share and leaves theirs to the others', () => {
    const routes = routesOf(`
- route:
  - {destination: {host: reviews}, weight: 60}
  - {destination: {host: nowhere}, weight: 30}
  - {destination: {host: reviews, subset: v9}, weight: 10}`)
    const share = (numerator: number) => ({ defaultValue: { numerator, denominator: 'MILLION' } })
    expect(routes[0].match).toEqual({ prefix: '/', runtimeFraction: share(300_000) })
    // One random number is compared with both fractions.
    expect(routes[1].match).toEqual({ prefix: '/', runtimeFraction: share(400_000) })
    expect(routes[2].match).toEqual({ prefix: '/' })
    expect(routes[2].route.cluster).toBe('outbound|80||reviews.default.svc.cluster.local')
  })

  it('when all are missing the last answer takes the rest', () => {
    const routes = routesOf('- route: [{destination: {host: a}, weight: 1}, {destination: {host: b}, weight: 1}]')
    expect(routes.map((route) => [route.match.runtimeFraction?.defaultValue.numerator, body(route)[0]])).toEqual([
      [500_000, 503],
      [undefined, 503],
    ])
  })

  it('a mirror that is missing copies nothing and breaks nothing', () => {
    expect(only(to('mirror: {host: nowhere}')).route.requestMirrorPolicies).toBeUndefined()
  })
})

describe('answers without a destination', () => {
  it.each([
    ['{uri: /new}', { pathRedirect: '/new' }],
    ['{prefixRewrite: /new}', { prefixRewrite: '/new' }],
    ['{authority: other.test, redirectCode: 308}', { hostRedirect: 'other.test', responseCode: 'PERMANENT_REDIRECT' }],
    ['{scheme: https, port: 443}', { schemeRedirect: 'https' }],
    ['{scheme: https, port: 8443}', { schemeRedirect: 'https', portRedirect: 8443 }],
    ['{derivePort: FROM_REQUEST_PORT}', {}],
    ['{scheme: https, derivePort: FROM_REQUEST_PORT}', { schemeRedirect: 'https', portRedirect: 80 }],
    ['{derivePort: FROM_PROTOCOL_DEFAULT, uri: /}', { pathRedirect: '/' }],
  ])('redirect %s', (redirect, expected) => {
    expect(only(`- redirect: ${redirect}`).redirect).toEqual(expected)
  })

  it('direct response with text or base64 bytes', () => {
    expect(only('- directResponse: {status: 418, body: {string: hello}}').directResponse).toEqual({
      status: 418,
      body: { inlineString: 'hello' },
    })
    expect(only('- directResponse: {status: 200, body: {bytes: aGk=}}').directResponse.body).toEqual({
      inlineBytes: 'aGk=',
    })
  })
})

describe('what happens to a request on its way', () => {
  it('rewrite: path prefix, path by regex, host', () => {
    expect(only(to('rewrite: {uri: /v2, authority: other.test}')).route).toMatchObject({
      prefixRewrite: '/v2',
      hostRewriteLiteral: 'other.test',
    })
    expect(only(to("rewrite: {uriRegexRewrite: {match: '/a/(.*)', rewrite: '/b/\\1'}}")).route.regexRewrite).toEqual({
      pattern: { regex: '/a/(.*)' },
      substitution: '/b/\\1',
    })
  })

  it('Host among headers rewrites the authority; a rewrite of the rule wins', () => {
    const headers = 'headers: {request: {set: {Host: by-header}, add: {x: y}}}'
    expect(only(to(headers)).route.hostRewriteLiteral).toBe('by-header')
    expect(only(to(headers)).requestHeadersToAdd).toEqual([{ header: { key: 'x', value: 'y' } }])
    expect(only(to(`${headers}\nrewrite: {authority: by-rewrite}`)).route.hostRewriteLiteral).toBe('by-rewrite')
  })

  it('headers: set overwrites, add appends, remove removes, both ways', () => {
    const route = only(
      to('headers: {request: {remove: [a, ":path"]}, response: {set: {b: "1"}, add: {c: "2"}, remove: [d]}}'),
    )
    expect(route.requestHeadersToRemove).toEqual(['a'])
    expect(route.responseHeadersToAdd).toEqual([
      { header: { key: 'b', value: '1' }, appendAction: 'OVERWRITE_IF_EXISTS_OR_ADD' },
      { header: { key: 'c', value: '2' } },
    ])
    expect(route.responseHeadersToRemove).toEqual(['d'])
  })

  it.each([
    ['100% sure', '100%% sure'],
    ['%', '%%'],
    ['100%%', '100%%'],
    ['%REQ(X-ID)%', '%REQ(X-ID)%'],
    ['%START_TIME(%s)%', '%START_TIME(%s)%'],
    ['50%-%DOWNSTREAM_REMOTE_ADDRESS%', '50%%-%DOWNSTREAM_REMOTE_ADDRESS%'],
  ])('a header value %j is written %j: only commands of Envoy keep their percent signs', (value, expected) => {
    const [option] = only(to(`headers: {request: {set: {x: ${JSON.stringify(value)}}}}`)).requestHeadersToAdd
    expect(option.header.value).toBe(expected)
  })

  it('no time limit unless the rule sets one; without, grpc-timeout holds', () => {
    expect(only(to('')).route).toMatchObject({ timeout: '0s', maxStreamDuration: { grpcTimeoutHeaderMax: '0s' } })
    expect(only(to('timeout: 1500ms')).route.timeout).toBe('1.500s')
    expect(only(to('timeout: 1500ms')).route.maxStreamDuration).toBeUndefined()
  })

  it('mirrors with their shares; none at 0', () => {
    const route = only(
      to(`
mirror: {host: details}
mirrorPercentage: {value: 12.5}
mirrors: [{destination: {host: ratings, port: {number: 9080}}}, {destination: {host: details}, percentage: {value: 0}}]`),
    )
    expect(route.route.requestMirrorPolicies).toEqual([
      {
        cluster: 'outbound|80||details.default.svc.cluster.local',
        runtimeFraction: { defaultValue: { numerator: 125_000, denominator: 'MILLION' } },
        traceSampled: false,
        disableShadowHostSuffixAppend: true,
      },
      {
        cluster: 'outbound|9080||ratings.default.svc.cluster.local',
        runtimeFraction: { defaultValue: { numerator: 1_000_000, denominator: 'MILLION' } },
        traceSampled: false,
        disableShadowHostSuffixAppend: true,
      },
    ])
  })
})

describe('retries', () => {
  const previousHosts = [
    {
      name: 'envoy.retry_host_predicates.previous_hosts',
      typedConfig: {
        '@type': 'type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate',
      },
    },
  ]
  const retries = (more: string, documents = '') => only(to(more), documents).route.retryPolicy

  it("Istio's default when the rule says nothing", () => {
    expect(retries('')).toEqual({
      numRetries: 2,
      retryOn: 'connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes',
      hostSelectionRetryMaxAttempts: '5',
      retryHostPredicate: previousHosts,
    })
  })

  it.each(['retries: {attempts: 0}', 'retries: {}'])('none with %s', (more) => {
    expect(retries(more)).toBeUndefined()
  })

  it('numbers among the conditions are status codes', () => {
    expect(
      retries('retries: {attempts: 3, perTryTimeout: 2s, retryOn: "5xx, 429,gateway-error", backoff: 10ms}'),
    ).toEqual({
      numRetries: 3,
      perTryTimeout: '2s',
      retryOn: '5xx,gateway-error,retriable-status-codes',
      retriableStatusCodes: [429],
      retryBackOff: { baseInterval: '0.010s' },
      hostSelectionRetryMaxAttempts: '5',
      retryHostPredicate: previousHosts,
    })
  })

  it('other localities and hosts already tried', () => {
    const policy = retries('retries: {attempts: 1, retryRemoteLocalities: true, retryIgnorePreviousHosts: false}')
    expect(policy.retryPriority.name).toBe('envoy.retry_priorities.previous_priorities')
    expect(policy.retryHostPredicate).toBeUndefined()
  })

  it('with a consistent hash a retry stays on the host of the key', () => {
    const hashed = `---
kind: DestinationRule
metadata: {name: details}
spec: {host: details, trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x-user}}}}
`
    const route = only('- route: [{destination: {host: details}}]', hashed).route
    expect(route.hashPolicy).toEqual([{ header: { headerName: 'x-user' } }])
    expect(route.retryPolicy.retryHostPredicate).toBeUndefined()
    // As in Istio, where there are several destinations one of them need not hash.
    const [one, two] = ['{destination: {host: details}, weight: 1}', '{destination: {host: reviews}, weight: 0}']
    expect(only(`- route: [${one}, ${two}]`, hashed).route.retryPolicy.retryHostPredicate).toHaveLength(1)
    // As in Istio, which asks about the hash in rules alone.
    const plain = hostOf(table(services() + hashed), 'details').routes[0].route
    expect(plain.hashPolicy).toEqual(route.hashPolicy)
    expect(plain.retryPolicy.retryHostPredicate).toHaveLength(1)
  })

  it("the mesh's policy stands in for rules without one", () => {
    const mesh = '---\nkind: Mesh\nmetadata: {name: mesh}\nspec: {defaultHttpRetryPolicy: {attempts: 7}}\n'
    expect(retries('', mesh).numRetries).toBe(7)
    expect(retries('retries: {attempts: 1}', mesh).numRetries).toBe(1)
  })
})

describe('hash policy', () => {
  it.each([
    ['{httpHeaderName: x-user}', { header: { headerName: 'x-user' } }],
    ['{httpCookie: {name: c, ttl: 0s, path: /p}}', { cookie: { name: 'c', ttl: '0s', path: '/p' } }],
    ['{httpCookie: {name: c}}', { cookie: { name: 'c' } }],
    ['{useSourceIp: true}', { connectionProperties: { sourceIp: true } }],
    ['{httpQueryParameterName: q}', { queryParameter: { name: 'q' } }],
  ])('%s', (hash, expected) => {
    const rule = `---
kind: DestinationRule
metadata: {name: details}
spec: {host: details, trafficPolicy: {loadBalancer: {consistentHash: ${hash}}}}
`
    expect(only('- route: [{destination: {host: details}}]', rule).route.hashPolicy).toEqual([expected])
  })
})

describe('faults and CORS', () => {
  it('fault with shares; the old percent of a delay is read, too', () => {
    const config = only(
      to('fault: {delay: {fixedDelay: 7s, percent: 50}, abort: {httpStatus: 555, percentage: {value: 0.1}}}'),
    ).typedPerFilterConfig['envoy.filters.http.fault']
    expect(config).toEqual({
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault',
      delay: { fixedDelay: '7s', percentage: { numerator: 500_000, denominator: 'MILLION' } },
      abort: { httpStatus: 555, percentage: { numerator: 1000, denominator: 'MILLION' } },
    })
  })

  it('abort by gRPC status name; a part without a share does nothing, as in Istio', () => {
    const config = only(to('fault: {abort: {grpcStatus: UNAVAILABLE}}')).typedPerFilterConfig[
      'envoy.filters.http.fault'
    ]
    expect(config.abort).toEqual({ grpcStatus: 14, percentage: { denominator: 'MILLION' } })
    const { delay } = only(to('fault: {delay: {fixedDelay: 1s, percent: 50, percentage: {}}}')).typedPerFilterConfig[
      'envoy.filters.http.fault'
    ]
    expect(delay.percentage).toEqual({ denominator: 'MILLION' })
  })

  it('CORS with all fields', () => {
    const config = only(
      to(
        'corsPolicy: {allowOrigins: [{exact: "http://a"}, {regex: ".*b"}], allowMethods: [GET, POST], allowHeaders: [x, y], exposeHeaders: [z], maxAge: 24h, allowCredentials: false, unmatchedPreflights: IGNORE}',
      ),
    ).typedPerFilterConfig['envoy.filters.http.cors']
    expect(config).toEqual({
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy',
      allowOriginStringMatch: [{ exact: 'http://a' }, { safeRegex: { regex: '.*b' } }],
      allowMethods: 'GET,POST',
      allowHeaders: 'x,y',
      exposeHeaders: 'z',
      maxAge: '86400',
      allowCredentials: false,
      filterEnabled: { defaultValue: { numerator: 1_000_000, denominator: 'MILLION' } },
      forwardNotMatchingPreflights: false,
    })
  })
})

describe('what a route tells about itself', () => {
  it('names, metadata and statistics as in Istio; no name of an operation, since no listener of ours traces', () => {
    const route = only(
      '- name: canary\n  match: [{name: beta, uri: {prefix: /x}, statPrefix: s}]\n  route: [{destination: {host: reviews, subset: v1}}]',
    )
    expect(route.name).toBe('canary.beta')
    expect(route.statPrefix).toBe('s')
    expect(route.metadata.filterMetadata.istio.config).toBe(
      '/apis/networking.istio.io/v1/namespaces/default/virtual-service/rules',
    )
    expect(route.decorator).toBeUndefined()
  })

  it('every route knows the rule, the match, each weight and the fault it came from', () => {
    const rules = `
- match: [{uri: {prefix: /x}}]
  fault: {delay: {fixedDelay: 1s, percentage: {value: 1}}}
  route:
  - {destination: {host: reviews, subset: v1}, weight: 90}
  - {destination: {host: reviews, subset: v2}, weight: 10}`
    expect(originsOf(rules)[0]).toEqual([
      'rules spec.http[0]',
      'rules spec.http[0].match[0]',
      'rules spec.http[0].route[0].destination',
      'rules spec.http[0].route[0].weight',
      'rules spec.http[0].route[1].destination',
      'rules spec.http[0].route[1].weight',
      'rules spec.http[0].fault',
    ])
  })
})

describe('a proxyless gRPC client', () => {
  const grpc = { type: 'grpc', httpPort: 0 } as const
  const target = 'outbound|80||reviews.default.svc.cluster.local'
  const routes = (rules: string, documents = '') =>
    table(`${services()}${documents}${virtualService(rules)}`, target, grpc).virtualHosts[0].routes

  it('gets max_stream_duration for a timeout, faults, no CORS, no header changes', () => {
    const [route] = routes(
      to(
        'timeout: 2s\ncorsPolicy: {allowMethods: [GET]}\nfault: {abort: {grpcStatus: ABORTED, percentage: {value: 5}}}\nheaders: {request: {set: {a: b}}}',
      ),
    )
    expect(route.route.maxStreamDuration).toEqual({ maxStreamDuration: '2s' })
    expect(route.route.timeout).toBeUndefined()
    expect(Object.keys(route.typedPerFilterConfig)).toEqual(['envoy.filters.http.fault'])
    expect(route.requestHeadersToAdd).toBeUndefined()
  })

  it('gets a cluster that does not exist where Envoy would answer by itself: it would refuse the table', () => {
    expect(routes('- redirect: {uri: /}')[0].route.cluster).toBe('BlackHoleCluster')
    expect(routes('- name: nothing')[0].route.cluster).toBe('BlackHoleCluster')
    expect(routes('- route: [{destination: {host: nowhere}}]')[0].route.cluster).toBe(
      'outbound|80||nowhere.default.svc.cluster.local',
    )
  })

  it('hashes by header only', () => {
    const hash = (key: string) => `---
kind: DestinationRule
metadata: {name: details}
spec: {host: details, trafficPolicy: {loadBalancer: {consistentHash: ${key}}}}
`
    const rules = '- route: [{destination: {host: details}}]'
    expect(routes(rules, hash('{httpCookie: {name: c}}'))[0].route.hashPolicy).toBeUndefined()
    expect(routes(rules, hash('{httpHeaderName: h}'))[0].route.hashPolicy).toHaveLength(1)
  })
})
