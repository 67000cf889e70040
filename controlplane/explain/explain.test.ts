import { describe, expect, it } from 'vitest'
import { configObjects } from '../../test/helpers/objects.ts'
import { createMesh } from '../mesh.ts'
import { virtualHostFor } from '../xds/routes/index.ts'
import { explain } from './explain.ts'

const YAML = `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: reviews}
spec:
  hosts: [reviews.default.svc.cluster.local]
  ports: [{number: 9080, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints:
  - {address: 127.0.0.1, ports: {http: 9001}, labels: {version: v1}}
  - {address: 127.0.0.1, ports: {http: 9002}, labels: {version: v2}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http:
  - match: [{headers: {end-user: {exact: jason}}}]
    fault: {abort: {httpStatus: 500, percentage: {value: 30}}}
    route: [{destination: {host: reviews, subset: v2}}]
  - match: [{uri: {prefix: /old}}]
    redirect: {uri: /new}
  - route:
    - {destination: {host: reviews, subset: v1}, weight: 90}
    - {destination: {host: reviews, subset: v2}, weight: 10}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec:
  host: reviews
  subsets:
  - {name: v1, labels: {version: v1}}
  - {name: v2, labels: {version: v2}}
`

const NODE = {
  id: 'sidecar~127.0.0.1~web.default~default.svc.cluster.local',
  cluster: '',
  metadata: {},
  locality: { region: '', zone: '', subZone: '' },
  userAgent: 'envoy',
  protocol: 'delta',
  secretsAllowed: true,
} as const

function ask(url: string, headers: Record<string, string> = {}) {
  const mesh = createMesh()
  mesh.commit(configObjects(YAML, 'reviews.yaml'))
  return explain(mesh.view(NODE), { url: new URL(url), method: 'GET', headers })
}

/** The same mesh with more documents. */
function askWith(more: string, url: string) {
  const mesh = createMesh()
  mesh.commit(configObjects(`${YAML}---\n${more}`, 'reviews.yaml'))
  return explain(mesh.view(NODE), { url: new URL(url), method: 'GET', headers: {} })
}

const lineOf = (text: string) => YAML.slice(0, YAML.indexOf(text)).split('\n').length

describe('explain', () => {
  it('a header that every object inherits by name is no header of the request', () => {
    const rule = `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ratings}
spec: {hosts: [ratings.test], ports: [{number: 80, name: http, protocol: HTTP}], resolution: STATIC, endpoints: [{address: 127.0.0.1}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ratings}
spec:
  hosts: [ratings.test]
  http:
  - {match: [{headers: {constructor: {prefix: a}}}], directResponse: {status: 418}}
  - {directResponse: {status: 200}}
`
    const { steps } = askWith(rule, 'http://ratings.test/')
    expect(steps.find(({ step }) => step === 'route')?.name).toBe('#2')
  })

  it('follows a request from the listener to the endpoints and names the lines that decided', () => {
    const { steps, outcome } = ask('http://reviews:9080/')
    expect(outcome).toBe('endpoints')
    expect(steps.map(({ step, name }) => [step, name])).toEqual([
      ['listener', '127.0.0.1_15080'],
      ['virtual-host', 'reviews.default.svc.cluster.local:9080'],
      ['route', '#3'],
      ['cluster', 'outbound|9080|v1|reviews.default.svc.cluster.local'],
      ['endpoints', 'outbound|9080|v1|reviews.default.svc.cluster.local'],
      ['cluster', 'outbound|9080|v2|reviews.default.svc.cluster.local'],
      ['endpoints', 'outbound|9080|v2|reviews.default.svc.cluster.local'],
    ])
    expect(steps[2]!.places[0]).toMatchObject({
      document: 'VirtualService/default/reviews',
      file: 'reviews.yaml',
      line: lineOf('- route:\n    - {destination: {host: reviews, subset: v1}, weight: 90}'),
    })
    expect(steps.filter(({ step }) => step === 'cluster').map(({ share }) => share)).toEqual([0.9, 0.1])
    expect(steps[4]!.detail).toBe('127.0.0.1:9001')
  })

  it('takes the rule whose header fits, and names its fault', () => {
    const { steps } = ask('http://reviews:9080/', { 'end-user': 'jason' })
    expect(steps.find(({ step }) => step === 'fault')?.detail).toBe('30 % get HTTP 500')
    expect(steps.find(({ step }) => step === 'cluster')?.name).toBe(
      'outbound|9080|v2|reviews.default.svc.cluster.local',
    )
  })

  it('says when the proxy answers itself', () => {
    expect(ask('http://reviews:9080/old/x')).toMatchObject({ outcome: 'answer' })
    expect(ask('http://nobody/').steps.at(-1)!.detail).toContain('502')
  })

  it('says of a host nobody declared that it is so, and of one on another port which port that is', () => {
    const words = (url: string) => ask(url).steps.find(({ step }) => step === 'virtual-host')?.detail
    expect(words('http://nobody/')).toBe('route table http_proxy, authority nobody, which no service or rule has')
    expect(words('http://reviews:9081/')).toBe(
      'route table http_proxy, authority reviews:9081, which no service or rule has; reviews.default.svc.cluster.local is known on port 9080',
    )
    expect(words('http://reviews:9080/')).toBe('route table http_proxy, authority reviews:9080')
  })

  it('a weight whose destination is missing shows as the share of requests that are answered 503', () => {
    const mesh = createMesh()
    mesh.commit(
      configObjects(
        YAML.replace('{host: reviews, subset: v2}, weight: 10', '{host: nowhere}, weight: 10'),
        'reviews.yaml',
      ),
    )
    const { steps, outcome } = explain(mesh.view(NODE), {
      url: new URL('http://reviews:9080/'),
      method: 'GET',
      headers: {},
    })
    expect(outcome).toBe('endpoints')
    expect(
      steps
        .filter(({ step }) => step === 'route' || step === 'end')
        .map(({ step, share }) => [step, share && Number(share.toFixed(3))]),
    ).toEqual([
      ['route', 0.1],
      ['end', undefined],
      ['route', 0.9],
    ])
  })

  it('a request to an unknown host goes where it asks to when all are allowed', () => {
    const mesh = createMesh()
    const settings = 'kind: Mesh\napiVersion: meshgate.io/v1\nmetadata: {name: mesh}\n'
    mesh.commit(configObjects(`${settings}spec: {outboundTrafficPolicy: {mode: ALLOW_ANY}}\n`, 'mesh.yaml'))
    const { steps, outcome } = explain(mesh.view(NODE), {
      url: new URL('http://elsewhere.example/'),
      method: 'GET',
      headers: {},
    })
    expect(outcome).toBe('endpoints')
    expect(steps.at(-1)).toMatchObject({
      name: 'PassthroughCluster',
      detail: 'the host and port that the request names',
    })
  })

  it.each(['http://shop.example:8088/', 'http://shop.example:8088/?host=without-port'])(
    'a gateway on a port that is not the usual one: %s',
    (url) => {
      const mesh = createMesh()
      const gateway = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  selector: {app: edge}
  servers: [{port: {number: 8088, name: http, protocol: HTTP}, hosts: [shop.example]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example]
  gateways: [edge]
  http: [{route: [{destination: {host: reviews, subset: v1}}]}]
---`
      mesh.commit(configObjects(`${gateway}${YAML}`, 'shop.yaml'))
      const node = { ...NODE, id: 'router~127.0.0.1~edge.default~x', metadata: { LABELS: { app: 'edge' } } }
      const headers: Record<string, string> = url.includes('without') ? { host: 'shop.example' } : {}
      const { steps, outcome } = explain(mesh.view(node), { url: new URL(url), method: 'GET', headers })
      expect(outcome).toBe('endpoints')
      expect(steps[1]).toMatchObject({ step: 'virtual-host', name: 'shop.example:8088' })
    },
  )

  it('says when nothing takes the request', () => {
    const mesh = createMesh()
    expect(
      explain(mesh.view({ ...NODE, id: 'router~127.0.0.1~edge.default~x' }), {
        url: new URL('http://a/'),
        method: 'GET',
        headers: {},
      }),
    ).toMatchObject({
      outcome: 'none',
      steps: [{ step: 'end', detail: 'no listener takes http://a: no open port has that number' }],
    })
  })
})

describe('clients without a proxy', () => {
  const mesh = createMesh()
  mesh.commit(configObjects(YAML, 'reviews.yaml'))
  const library = (target: string, headers: Record<string, string> = {}) =>
    explain(mesh.view({ ...NODE, id: 'shop-client', userAgent: 'gRPC C-core' }), {
      url: new URL(`http://${target}`),
      method: 'POST',
      headers,
    })

  it('follows the rules of the target that a gRPC library dials', () => {
    const plain = library('reviews:9080/shop.Reviews/List')
    expect(plain).toMatchObject({
      outcome: 'endpoints',
      steps: [
        { step: 'listener', name: 'reviews:9080', detail: 'is inside the client: no port is opened' },
        { step: 'virtual-host' },
        { step: 'route' },
        { step: 'cluster', share: 0.9 },
        { step: 'endpoints' },
        { step: 'cluster', share: 0.1 },
        { step: 'endpoints' },
      ],
    })
    expect(library('reviews:9080/', { 'end-user': 'jason' }).steps.map(({ step }) => step)).toContain('fault')
  })

  it('says that a target does not exist', () => {
    expect(library('reviews:1').steps).toMatchObject([
      { step: 'end', detail: expect.stringContaining('dials xds:///reviews:1 is told that it does not exist') },
    ])
  })

  it('says of a message proxy that messages decide', () => {
    const view = mesh.view({ ...NODE, id: 'message~127.0.0.1~edge.default~x' })
    expect(explain(view, { url: new URL('tcp://reviews:9080'), method: 'GET', headers: {} })).toMatchObject({
      outcome: 'none',
      steps: [{ step: 'end', detail: expect.stringContaining('this is a message proxy') }],
    })
  })
})

describe('virtual host for an authority', () => {
  const hosts = ['*', 'a.com', '*.com', '*.b.com', 'b.*'].map((domain) => ({ domains: [domain] }))
  it.each([
    ['a.com', 'a.com'],
    ['A.COM', 'a.com'],
    ['x.b.com', '*.b.com'],
    ['b.com', '*.com'],
    ['b.org', 'b.*'],
    ['.com', '*'],
  ])('%s → %s', (authority, domain) => expect(virtualHostFor(hosts, authority)?.domains[0]).toBe(domain))
})

describe('the listener', () => {
  const sidecar = `
apiVersion: meshgate.io/v1
kind: Mesh
metadata: {name: mesh}
spec: {httpPort: 0}
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: default}
spec:
  egress:
  - port: {number: 3128, protocol: HTTP_PROXY, name: proxy}
    bind: 127.0.0.1
    hosts: ["./*"]
`
  it('is the port of a Sidecar document where only that one knows the host', () => {
    const both = sidecar
      .replace('{httpPort: 0}', '{}')
      .replace('bind: 127.0.0.1\n    hosts: ["./*"]', 'bind: 127.0.0.1\n    hosts: ["./*"]\n  - hosts: ["none/*"]')
    expect(askWith(both, 'http://reviews:9080/').steps[0]).toMatchObject({
      detail: 'takes connections at 127.0.0.1:3128',
    })
  })
  it('is the port that a Sidecar document opens when the mesh has no HTTP port', () => {
    const { steps } = askWith(sidecar, 'http://reviews:9080/')
    expect(steps[0]).toMatchObject({ step: 'listener', detail: 'takes connections at 127.0.0.1:3128' })
    expect(steps.at(-1)?.step).toBe('endpoints')
  })
})
