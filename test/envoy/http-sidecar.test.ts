import { connect } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startEcho, type Upstream } from '../helpers/echo.ts'
import { asVersion, rulesFor, serviceAt } from '../helpers/mesh-yaml.ts'
import { freePort } from '../helpers/ports.ts'
import { ask, type HttpMesh, MODES, startHttpMesh, tally } from './http-mesh.ts'

const to = (more = '', destination = '{host: reviews, subset: v1}') =>
  `- route: [{destination: ${destination}}]\n${more.replace(/^/gm, '  ')}`
const matching = (match: string, rest = '- directResponse: {status: 299}') =>
  `- match: [${match}]\n  route: [{destination: {host: reviews, subset: v1}}]\n${rest}`

const RULES = [
  rulesFor(
    'split.test',
    '- route: [{destination: {host: reviews, subset: v1}, weight: 90}, {destination: {host: reviews, subset: v2}, weight: 10}]',
  ),
  rulesFor(
    'uneven.test',
    '- route: [{destination: {host: reviews, subset: v1}, weight: 3}, {destination: {host: reviews, subset: v2}, weight: 1}]',
  ),
  rulesFor(
    'gone.test',
    '- route: [{destination: {host: reviews, subset: v1}, weight: 60}, {destination: {host: nowhere}, weight: 30}, {destination: {host: reviews, subset: v9}, weight: 10}]',
  ),
  rulesFor('nowhere.test', to('', '{host: nowhere}')),
  rulesFor('abort.test', to('fault: {abort: {httpStatus: 555, percentage: {value: 30}}}')),
  rulesFor('abort-grpc.test', to('fault: {abort: {grpcStatus: UNAVAILABLE, percentage: {value: 100}}}')),
  rulesFor('delay.test', to('fault: {delay: {fixedDelay: 300ms, percentage: {value: 100}}}')),
  rulesFor('delay-some.test', to('fault: {delay: {fixedDelay: 1ms, percentage: {value: 20}}}')),
  rulesFor('retry.test', to('retries: {attempts: 3, retryOn: "503", backoff: 1ms}')),
  rulesFor('retry-default.test', to()),
  rulesFor('retry-off.test', to('retries: {attempts: 0}')),
  rulesFor('other-host.test', to('retries: {attempts: 1, retryOn: "503", backoff: 1ms}', '{host: pair}')),
  rulesFor(
    'any-host.test',
    to('retries: {attempts: 1, retryOn: "503", backoff: 1ms, retryIgnorePreviousHosts: false}', '{host: pair}'),
  ),
  rulesFor('near.test', to('retries: {attempts: 3, retryOn: "503", backoff: 1ms}', '{host: near-and-far}')),
  rulesFor(
    'far.test',
    to('retries: {attempts: 3, retryOn: "503", backoff: 1ms, retryRemoteLocalities: true}', '{host: near-and-far}'),
  ),
  rulesFor('try-timeout.test', to('retries: {attempts: 1, perTryTimeout: 150ms, retryOn: "5xx", backoff: 1ms}')),
  rulesFor('timeout.test', to('timeout: 150ms')),
  rulesFor(
    'mirror.test',
    to('mirrors: [{destination: {host: shadow}}, {destination: {host: reviews, subset: v2}, percentage: {value: 0}}]'),
  ),
  rulesFor('mirror-half.test', to('mirror: {host: shadow}\nmirrorPercentage: {value: 50}')),
  rulesFor(
    'headers.test',
    to(
      'headers: {request: {set: {x-set: new, x-percent: "100% %PROTOCOL%"}, add: {x-add: more}, remove: [x-gone]}, response: {set: {x-r: a}, add: {x-s: b}, remove: [x-upstream]}}',
    ),
  ),
  rulesFor('host-header.test', to('headers: {request: {set: {Host: other.test}}}')),
  rulesFor(
    'destination-headers.test',
    '- route: [{destination: {host: reviews, subset: v1}, weight: 50, headers: {response: {set: {x-which: one}}}}, {destination: {host: reviews, subset: v2}, weight: 50, headers: {response: {set: {x-which: two}}}}]',
  ),
  rulesFor('redirect.test', '- redirect: {uri: /new, authority: other.test, redirectCode: 302}'),
  rulesFor(
    'redirect-prefix.test',
    '- match: [{uri: {prefix: /old/}}]\n  redirect: {prefixRewrite: /new/, scheme: https}',
  ),
  rulesFor('redirect-port.test', '- redirect: {uri: /, port: 8443, scheme: https}'),
  rulesFor('direct.test', '- directResponse: {status: 418, body: {string: "short and stout"}}'),
  rulesFor(
    'rewrite.test',
    `
- match: [{uri: {exact: /exact}}]
  rewrite: {uri: /E}
  route: [{destination: {host: reviews, subset: v1}}]
- match: [{uri: {prefix: /prefix}}]
  rewrite: {uri: /P, authority: rewritten.test}
  route: [{destination: {host: reviews, subset: v1}}]
- match: [{uri: {regex: "/regex/.*"}}]
  rewrite: {uri: /R}
  route: [{destination: {host: reviews, subset: v1}}]
- rewrite: {uriRegexRewrite: {match: "^/user/([^/]+)/(.*)$", rewrite: '/\\2/of/\\1'}}
  route: [{destination: {host: reviews, subset: v1}}]`,
  ),
  rulesFor(
    'cors.test',
    to(
      'corsPolicy: {allowOrigins: [{exact: "http://good.test"}], allowMethods: [GET, PUT], allowHeaders: [x-a], exposeHeaders: [x-b], maxAge: 1h, allowCredentials: true}',
    ),
  ),
  rulesFor('prefix.test', matching('{uri: {prefix: /foo}}')),
  rulesFor('regex.test', matching("{uri: {regex: '/v[0-9]+/x'}}")),
  rulesFor('case.test', matching('{uri: {exact: /AbC}, ignoreUriCase: true}')),
  rulesFor('method.test', matching('{method: {exact: PUT}}')),
  rulesFor('header-match.test', matching('{headers: {x-a: {exact: "1"}, x-b: {}, x-c: {regex: "a+"}}}')),
  rulesFor('without.test', matching('{withoutHeaders: {x-a: {}, x-b: {exact: bad}}}')),
  rulesFor('query.test', matching('{queryParams: {a: {exact: "1"}, b: {}}}')),
  rulesFor('authority.test, www.authority.test', matching('{authority: {prefix: www.}}')),
  rulesFor(
    'caller.test',
    matching(
      '{sourceLabels: {app: web}, uri: {prefix: /label}}, {sourceLabels: {app: other}, uri: {prefix: /other}}, {sourceNamespace: default, uri: {prefix: /ns}}, {sourceNamespace: else, uri: {prefix: /elsewhere}}',
    ),
  ),
  rulesFor(
    'delegate.test',
    '- match: [{uri: {prefix: /a}}]\n  headers: {response: {set: {x-root: yes}}}\n  delegate: {name: leaf, namespace: team}\n- directResponse: {status: 298}',
  ),
  `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: leaf, namespace: team}
spec:
  http:
  - match: [{uri: {exact: /a/b}}]
    route: [{destination: {host: reviews.default.svc.cluster.local, subset: v2}}]
  - match: [{uri: {prefix: /c}}]
    directResponse: {status: 297}
`,
  // What no test looks at, but Envoy must accept.
  rulesFor(
    'accepted.test',
    `
- match: [{headers: {"@request.auth.claims.group": {exact: a}}}]
  retries: {attempts: 1, retryRemoteLocalities: true, retryIgnorePreviousHosts: true, backoff: 5ms}
  route: [{destination: {host: by-address}}]
- match: [{uri: {prefix: ""}, headers: {a: {prefix: ""}, b: {regex: ""}}, statPrefix: s}]
  route: [{destination: {host: by-query}, weight: 1}, {destination: {host: by-cookie}, weight: 2}]`,
  ),
  rulesFor('"*.wild.test"', to('', '{host: reviews, subset: v2}')),
  rulesFor('ports', '- match: [{port: 9090}]\n  directResponse: {status: 290}'),
]

function hashRule(key: string): string {
  const keys: Readonly<Record<string, string>> = {
    cookie: '{httpCookie: {name: stick, ttl: 60s, path: /}}',
    query: '{httpQueryParameterName: user}',
    address: '{useSourceIp: true}',
  }
  return `---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: by-${key}}
spec: {host: by-${key}, trafficPolicy: {loadBalancer: {consistentHash: ${keys[key]}}}}
`
}

describe.each(MODES)('HTTP rules at a sidecar, %s', (mode) => {
  let mesh: HttpMesh
  let port: number
  let v1: Upstream
  let v2: Upstream
  let shadow: Upstream
  let hashed: Upstream[]
  let yaml: string
  const get = (host: string, path = '/', options: Parameters<typeof ask>[3] = {}) => ask(port, host, path, options)

  beforeAll(async () => {
    ;[port, v1, v2, shadow, ...hashed] = await Promise.all([
      freePort(),
      startEcho('v1'),
      startEcho('v2'),
      startEcho('shadow'),
      ...Array.from({ length: 5 }, (_, index) => startEcho(`h${index}`)),
    ])
    yaml = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec:
  host: reviews
  subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: hashed}
spec:
  host: hashed
  trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x-user}}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: pair}
spec: {host: pair, trafficPolicy: {loadBalancer: {simple: RANDOM}}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: near-and-far}
spec:
  host: near-and-far
  trafficPolicy:
    loadBalancer: {localityLbSetting: {failoverPriority: [version=v1]}}
    outlierDetection: {consecutive5xxErrors: 100000}
${serviceAt('pair', [v1, v2])}
${serviceAt('near-and-far', [asVersion(v1, 'v1'), asVersion(v2, 'v2')])}
${serviceAt('reviews', [asVersion(v1, 'v1'), asVersion(v2, 'v2')])}
${['cookie', 'query', 'address'].map((key) => serviceAt(`by-${key}`, hashed) + hashRule(key)).join('')}
${serviceAt('shadow', [shadow])}
${serviceAt('hashed', hashed)}
${serviceAt('ports', [v1], '{number: 8080, name: http, protocol: HTTP}, {number: 9090, name: admin, protocol: HTTP}')}
${RULES.join('')}`
    mesh = await startHttpMesh({
      mode,
      yaml,
      id: 'sidecar~127.0.0.1~web.default~default.svc.cluster.local',
      metadata: { LABELS: { app: 'web' }, HTTP_PROXY_PORT: port },
    })
  })
  beforeEach(() => {
    for (const upstream of [v1, v2, shadow, ...hashed]) upstream.reset()
  })
  afterAll(async () => {
    await mesh.stop()
  })

  const byUpstream = (host: string, count: number) =>
    tally(
      count,
      () => get(host),
      (answer) => answer.upstream ?? String(answer.status),
    )

  describe('authority', () => {
    it.each([
      'reviews',
      'reviews:80',
      'reviews.default',
      'reviews.default.svc:80',
      'REVIEWS.default.svc.cluster.local',
      'anything.wild.test',
      'anything.wild.test:80',
      'direct.test:80',
    ])('%s is known', async (host) => {
      expect((await get(host)).status).toBeLessThan(500)
    })

    it('a host nobody declared is answered 502', async () => {
      expect((await get('unknown.test')).status).toBe(502)
      for (const host of ['reviews:81', 'direct.test:1234']) expect((await get(host)).status).toBe(502)
    })

    it('the port in the authority chooses the port of the service', async () => {
      expect((await get('ports:9090')).status).toBe(290)
      expect((await get('ports:8080')).upstream).toBe('v1')
      expect((await get('ports')).upstream).toBe('v1')
    })
  })

  describe('split', () => {
    // Five standard deviations either way. How the rule came to Envoy does not change how it throws its dice: one of the two throws them often.
    const [count, points] = mode === 'delta' ? [10_000, 1.5] : [1_000, 4.8]
    it(`${count} requests at 90 to 10 land within ${points} points`, async () => {
      const counts = await byUpstream('split.test', count)
      expect(Math.abs((counts['v1']! / count) * 100 - 90)).toBeLessThan(points)
      expect(counts['v1']! + counts['v2']!).toBe(count)
    })

    it('weights are relative: 3 to 1 are three quarters', async () => {
      const counts = await byUpstream('uneven.test', 1000)
      expect(Math.abs(counts['v1']! / 10 - 75)).toBeLessThan(7)
    })

    it('a missing destination answers its share with 503 and leaves the rest as written', async () => {
      const counts = await byUpstream('gone.test', 1000)
      expect(Math.abs(counts['v1']! / 10 - 60)).toBeLessThan(8)
      expect(Math.abs(counts['503']! / 10 - 40)).toBeLessThan(8)
    })

    it('a rule whose only destination is missing says so', async () => {
      const { status, body } = await get('nowhere.test')
      expect(status).toBe(503)
      expect(body).toBe(
        'meshgate: no service nowhere.default.svc.cluster.local is visible here (VirtualService default/nowhere-test-rules, spec.http[0].route[0].destination)\n',
      )
    })

    it('headers of a destination are set for that destination', async () => {
      for (let index = 0; index < 20; index++) {
        const { headers, upstream } = await get('destination-headers.test')
        expect(headers['x-which']).toBe(upstream === 'v1' ? 'one' : 'two')
      }
    })

    it('one key, one host; many keys, all hosts', async () => {
      const hostOf = async (user: string) => (await get('hashed', '/', { headers: { 'x-user': user } })).upstream
      const first = await hostOf('alice')
      for (let index = 0; index < 20; index++) expect(await hostOf('alice')).toBe(first)
      const seen = new Set(await Promise.all(Array.from({ length: 100 }, (_, index) => hostOf(`user-${index}`))))
      expect(seen.size).toBe(5)
    })
  })

  describe('sticky calls', () => {
    it('by cookie, which Envoy makes for callers without one', async () => {
      const first = await get('by-cookie')
      const [cookie] = first.headers['set-cookie']!
      expect(cookie).toMatch(/^stick="?[^;]+"?; Max-Age=60; Path=\/; HttpOnly$/)
      for (let index = 0; index < 10; index++) {
        const next = await get('by-cookie', '/', { headers: { cookie: cookie!.split(';')[0] } })
        expect([next.upstream, next.headers['set-cookie']]).toEqual([first.upstream, undefined])
      }
    })

    it('by query parameter and by address', async () => {
      const ofUser = async (user: number) => (await get('by-query', `/?user=${user}`)).upstream
      expect(await ofUser(1)).toBe(await ofUser(1))
      expect(new Set(await Promise.all(Array.from({ length: 150 }, (_, user) => ofUser(user)))).size).toBe(5)
      const byAddress = await Promise.all(Array.from({ length: 20 }, async () => (await get('by-address')).upstream))
      expect(new Set(byAddress).size).toBe(1)
    })
  })

  describe('faults', () => {
    it('30 % of requests are aborted with the status', async () => {
      const counts = await byUpstream('abort.test', 1000)
      expect(Math.abs(counts['555']! / 10 - 30)).toBeLessThan(7.5)
      expect(counts['555']! + counts['v1']!).toBe(1000)
    })

    it('a gRPC call is aborted with the gRPC status', async () => {
      const { headers } = await get('abort-grpc.test', '/a.B/C', {
        method: 'POST',
        headers: { 'content-type': 'application/grpc' },
      })
      expect(headers['grpc-status']).toBe('14')
    })

    it('a delay really delays', async () => {
      const start = performance.now()
      expect((await get('delay.test')).upstream).toBe('v1')
      // Envoy counts from when its loop last looked at the clock, which may be some milliseconds before the request.
      expect(performance.now() - start).toBeGreaterThan(200)
    })

    it('20 % of requests are delayed', async () => {
      const delays = async () => (await mesh.envoy.stats('fault.delays_injected')) as Record<string, number>
      const sum = (stats: Record<string, number>) => Object.values(stats).reduce((total, value) => total + value, 0)
      const before = sum(await delays())
      await byUpstream('delay-some.test', 1000)
      expect(Math.abs((sum(await delays()) - before) / 10 - 20)).toBeLessThan(6.5)
    })
  })

  describe('retries and time limits', () => {
    const failing = (times: number, status = 503) => {
      let left = times
      v1.behave(() => (left-- > 0 ? { status } : {}))
    }

    it('retries as often as the rule says', async () => {
      failing(3)
      const answer = await get('retry.test')
      expect(answer.status).toBe(200)
      expect(answer.seen.headers['x-envoy-attempt-count']).toBe('4')
      failing(4)
      expect((await get('retry.test')).status).toBe(503)
    })

    it('retries twice by default, not at all when turned off, and not what no condition names', async () => {
      const unavailable = (times: number) => {
        let left = times
        v1.behave(() => (left-- > 0 ? { headers: { 'grpc-status': '14' } } : {}))
      }
      unavailable(2)
      expect((await get('retry-default.test')).headers['grpc-status']).toBeUndefined()
      unavailable(3)
      expect((await get('retry-default.test')).headers['grpc-status']).toBe('14')
      failing(1)
      expect((await get('retry-default.test')).status).toBe(503)
      failing(1)
      expect((await get('retry-off.test')).status).toBe(503)
      failing(1, 500)
      expect((await get('retry-default.test')).status).toBe(500)
    })

    it('a retry goes to another host, unless the rule lets it go to any', async () => {
      v2.behave({ status: 503 })
      const refused = async (host: string) =>
        (
          await tally(
            1000,
            () => get(host),
            ({ status }) => `${status}`,
          )
        )['503'] ?? 0
      // To any host: half of the half that failed. To another: only where the balancer names the same one five times more.
      expect(await refused('any-host.test')).toBeGreaterThan(150)
      expect(await refused('other-host.test')).toBeLessThan(100)
    })

    it('a retry leaves for another locality where the rule says so', async () => {
      v1.behave({ status: 503 })
      expect(await get('near.test')).toMatchObject({ status: 503, upstream: 'v1' })
      expect(await get('far.test')).toMatchObject({ status: 200, upstream: 'v2' })
    })

    it('a try that takes too long is given up and tried again', async () => {
      let first = true
      v1.behave(() => {
        const delayMs = first ? 2000 : 0
        first = false
        return { delayMs }
      })
      const answer = await get('try-timeout.test')
      expect(answer.status).toBe(200)
      expect(answer.seen.headers['x-envoy-attempt-count']).toBe('2')
    })

    it('the deadline of a gRPC call holds where the rule has none, the limit of the rule where it has one', async () => {
      v1.behave({ delayMs: 1500 })
      const call = (host: string, timeout: string) =>
        get(host, '/a.B/C', {
          method: 'POST',
          headers: { 'content-type': 'application/grpc', te: 'trailers', 'grpc-timeout': timeout },
        })
      const [DEADLINE_EXCEEDED, UNAVAILABLE] = ['4', '14']
      expect((await call('retry-default.test', '150m')).headers['grpc-status']).toBe(DEADLINE_EXCEEDED)
      expect((await call('timeout.test', '9S')).headers['grpc-status']).toBe(UNAVAILABLE)
    })

    it('a request that takes too long is answered 504', async () => {
      v1.behave({ delayMs: 1500 })
      expect((await get('timeout.test')).status).toBe(504)
    })
  })

  describe('mirrors', () => {
    it('a copy goes to the mirror, and nothing at 0 %', async () => {
      for (let index = 0; index < 10; index++)
        expect((await get('mirror.test', '/m', { method: 'POST', body: 'copy' })).upstream).toBe('v1')
      await expect.poll(() => shadow.count).toBe(10)
      expect(shadow.seen[0]).toMatchObject({ path: '/m', method: 'POST', body: 'copy' })
      expect(shadow.seen[0]!.headers['host']).toBe('mirror.test')
      expect(v2.count).toBe(0)
    })

    it('half of the requests at 50 %', async () => {
      await byUpstream('mirror-half.test', 1000)
      await expect.poll(() => Math.abs(shadow.count / 10 - 50)).toBeLessThan(8)
    })
  })

  describe('headers, redirects, rewrites', () => {
    it('request and response headers are set, added and removed', async () => {
      v1.behave({ headers: { 'x-upstream': 'secret', 'x-s': 'a' } })
      const answer = await get('headers.test', '/', { headers: { 'x-set': 'old', 'x-add': 'one', 'x-gone': '1' } })
      expect(answer.seen.headers).toMatchObject({ 'x-set': 'new', 'x-add': 'one, more', 'x-percent': '100% HTTP/1.1' })
      expect(answer.seen.headers['x-gone']).toBeUndefined()
      expect(answer.headers).toMatchObject({ 'x-r': 'a', 'x-s': 'a, b' })
      expect(answer.headers['x-upstream']).toBeUndefined()
    })

    it('Host among the headers rewrites the authority', async () => {
      expect((await get('host-header.test')).seen.headers['host']).toBe('other.test')
    })

    it.each([
      ['redirect.test', '/old?q=1', 302, 'http://other.test/new?q=1'],
      ['redirect-prefix.test', '/old/page', 301, 'https://redirect-prefix.test/new/page'],
      ['redirect-port.test', '/', 301, 'https://redirect-port.test:8443/'],
    ])('%s%s is redirected', async (host, path, status, location) => {
      const answer = await get(host, path)
      expect([answer.status, answer.headers['location']]).toEqual([status, location])
    })

    it('a direct response', async () => {
      expect(await get('direct.test')).toMatchObject({ status: 418, body: 'short and stout' })
    })

    it.each([
      ['/exact?q=1', '/E?q=1', 'rewrite.test'],
      ['/prefix/more', '/P/more', 'rewritten.test'],
      ['/prefixed', '/Ped', 'rewritten.test'],
      ['/regex/anything', '/R', 'rewrite.test'],
      ['/user/7/orders', '/orders/of/7', 'rewrite.test'],
    ])('%s is rewritten to %s', async (path, expected, host) => {
      const { seen } = await get('rewrite.test', path)
      expect([seen.path, seen.headers['host']]).toEqual([expected, host])
    })
  })

  describe('CORS', () => {
    const preflight = (origin: string) =>
      get('cors.test', '/', { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'PUT' } })

    it('answers a preflight of a known origin', async () => {
      const { status, headers, upstream } = await preflight('http://good.test')
      expect([status, upstream]).toEqual([200, undefined])
      expect(headers).toMatchObject({
        'access-control-allow-origin': 'http://good.test',
        'access-control-allow-methods': 'GET,PUT',
        'access-control-allow-headers': 'x-a',
        'access-control-max-age': '3600',
        'access-control-allow-credentials': 'true',
      })
    })

    it('a preflight of an unknown origin goes on to the service', async () => {
      expect((await preflight('http://bad.test')).upstream).toBe('v1')
    })

    it('marks answers', async () => {
      const { headers } = await get('cors.test', '/', { headers: { origin: 'http://good.test' } })
      expect(headers).toMatchObject({
        'access-control-allow-origin': 'http://good.test',
        'access-control-expose-headers': 'x-b',
      })
    })
  })

  describe('matches', () => {
    it.each([
      ['prefix.test', '/foo', {}, true],
      ['prefix.test', '/foobar', {}, true],
      ['prefix.test', '/fo', {}, false],
      ['regex.test', '/v12/x', {}, true],
      ['regex.test', '/v12/xy', {}, false],
      ['case.test', '/aBc', {}, true],
      ['method.test', '/', { method: 'PUT' }, true],
      ['method.test', '/', { method: 'POST' }, false],
      ['header-match.test', '/', { headers: { 'x-a': '1', 'x-b': 'any', 'x-c': 'aaa' } }, true],
      ['header-match.test', '/', { headers: { 'x-a': '1', 'x-c': 'aaa' } }, false],
      ['header-match.test', '/', { headers: { 'x-a': '1', 'x-b': 'any', 'x-c': 'aab' } }, false],
      ['without.test', '/', {}, true],
      ['without.test', '/', { headers: { 'x-a': '1' } }, false],
      ['without.test', '/', { headers: { 'x-b': 'bad' } }, false],
      ['without.test', '/', { headers: { 'x-b': 'good' } }, true],
      ['query.test', '/?a=1&b', {}, true],
      ['query.test', '/?a=1', {}, false],
      ['query.test', '/?a=2&b', {}, false],
      ['authority.test', '/', {}, false],
      ['www.authority.test', '/', {}, true],
      ['caller.test', '/label', {}, true],
      ['caller.test', '/other', {}, false],
      ['caller.test', '/ns', {}, true],
      ['caller.test', '/elsewhere', {}, false],
    ] as const)('%s%s %o: %s', async (host, path, options, matched) => {
      const answer = await get(host, path, options)
      expect(answer.upstream ?? answer.status).toBe(matched ? 'v1' : 299)
    })

    it('a delegate takes what lies within both', async () => {
      const answer = await get('delegate.test', '/a/b')
      expect([answer.upstream, answer.headers['x-root']]).toEqual(['v2', 'yes'])
      expect((await get('delegate.test', '/a/c')).status).toBe(298)
      expect((await get('delegate.test', '/c')).status).toBe(298)
    })
  })

  it('a changed weight is in force without a lost request', async () => {
    const changed = yaml.replace('weight: 90}', 'weight: 0}').replace('weight: 10}', 'weight: 100}')
    mesh.apply(changed)
    const statuses = await tally(
      2000,
      () => get('split.test'),
      (answer) => String(answer.status),
    )
    expect(statuses).toEqual({ 200: 2000 })
    await expect.poll(async () => (await byUpstream('split.test', 50))['v2']).toBe(50)
    mesh.apply(yaml)
    await expect.poll(async () => (await byUpstream('split.test', 50))['v1'] ?? 0).toBeGreaterThan(30)
  })

  it('a WebSocket upgrade goes through without being asked for', async () => {
    const reply = await new Promise<string>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1')
      let text = ''
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1')
        if (text.endsWith('ping')) socket.destroy()
        else if (text.includes('\r\n\r\n')) socket.write('ping')
      })
      socket.on('close', () => resolve(text))
      socket.on('error', reject)
      socket.write('GET / HTTP/1.1\r\nhost: reviews\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n')
    })
    expect(reply).toMatch(/^HTTP\/1.1 101 /)
    expect(reply).toMatch(/ping$/)
  })
})
