import { describe, expect, it } from 'vitest'
import { explain } from '../../controlplane/explain/explain.ts'
import type { ClassView } from '../../controlplane/xds/class-view.ts'
import { reachable, resourceJson } from '../../controlplane/xds/dump.ts'
import type { ResourceType } from '../../proto/types.ts'
import { casesFolder } from '../helpers/cases.ts'
import { sampleFile, sampleMesh } from '../helpers/samples.ts'

// biome-ignore lint/suspicious/noExplicitAny: expectations read JSON of any shape
type Json = any

const json = (view: ClassView, type: ResourceType, name: string): Json => {
  const resource = view.get(type, name)
  return resource && resourceJson(resource)
}

/** Where a request goes: shares by cluster, or the way it ends. */
function goes(view: ClassView, url: string, headers: Record<string, string> = {}): Record<string, number> | string {
  const { steps, outcome } = explain(view, { url: new URL(url), method: 'GET', headers })
  if (outcome !== 'endpoints') return steps.at(-1)!.detail
  return Object.fromEntries(steps.flatMap(({ step, name, share }) => (step === 'cluster' ? [[name, share ?? 0]] : [])))
}

function faultOf(view: ClassView, url: string, headers: Record<string, string> = {}): string | undefined {
  const { steps } = explain(view, { url: new URL(url), method: 'GET', headers })
  return steps.find(({ step }) => step === 'fault')?.detail
}

const SVC = 'default.svc.cluster.local'
const only = (cluster: string) => ({ [cluster]: 1 })

/** What each sample must do, in the words of expect.json, as checks on what is served. */
const SAMPLES: Readonly<Record<string, (yaml: string) => void>> = {
  'samples__bookinfo__networking__bookinfo-gateway.yaml': (yaml) => {
    const view = sampleMesh(yaml).gateway()
    expect(view.names('lds')).toEqual(['0.0.0.0_8080'])
    for (const path of ['/productpage', '/static/a.css', '/login', '/logout', '/api/v1/products/1'])
      expect(goes(view, `http://any.com:8080${path}`)).toEqual(only(`outbound|9080||productpage.${SVC}`))
    for (const path of ['/', '/productpage/x', '/loginx', '/api'])
      expect(goes(view, `http://any.com:8080${path}`)).toContain('404')
  },
  'samples__bookinfo__networking__destination-rule-all-mtls.yaml': (yaml) => {
    const view = sampleMesh(yaml).sidecar()
    const names = view.names('cds').filter((name) => name.includes(SVC))
    for (const host of ['productpage', 'reviews', 'ratings', 'details'])
      expect(names).toContain(`outbound|80|v1|${host}.${SVC}`)
    // Without workload certificates nothing may go out in plain text.
    for (const name of names)
      expect(json(view, 'cds', name)?.transportSocket?.name).not.toBe('envoy.transport_sockets.raw_buffer')
  },
  'samples__bookinfo__networking__destination-rule-reviews.yaml': (yaml) => {
    const view = sampleMesh(yaml).sidecar()
    for (const subset of ['v1', 'v2', 'v3']) {
      const cluster = json(view, 'cds', `outbound|80|${subset}|reviews.${SVC}`)
      expect(JSON.stringify(cluster.loadBalancingPolicy ?? cluster.lbPolicy).toLowerCase()).toContain('random')
    }
  },
  'samples__bookinfo__networking__fault-injection-details-v1.yaml': (yaml) => {
    expect(faultOf(sampleMesh(yaml).sidecar(), 'http://details/')).toBe('100 % get HTTP 555')
  },
  'samples__bookinfo__networking__virtual-service-details-v2.yaml': (yaml) => {
    expect(goes(sampleMesh(yaml).sidecar(), 'http://details/')).toEqual(only(`outbound|80|v2|details.${SVC}`))
  },
  'samples__bookinfo__networking__virtual-service-ratings-mysql-vm.yaml': (yaml) => {
    const view = sampleMesh(yaml).sidecar()
    expect(goes(view, 'http://reviews/')).toEqual(only(`outbound|80|v3|reviews.${SVC}`))
    expect(goes(view, 'http://ratings/')).toEqual(only(`outbound|80|v2-mysql-vm|ratings.${SVC}`))
  },
  'samples__bookinfo__networking__virtual-service-ratings-test-abort.yaml': (yaml) => {
    const view = sampleMesh(yaml).sidecar()
    expect(faultOf(view, 'http://ratings/', { 'end-user': 'jason' })).toBe('100 % get HTTP 500')
    expect(faultOf(view, 'http://ratings/', { 'end-user': 'other' })).toBeUndefined()
    expect(goes(view, 'http://ratings/')).toEqual(only(`outbound|80|v1|ratings.${SVC}`))
  },
  'samples__bookinfo__networking__virtual-service-reviews-50-v3.yaml': (yaml) => {
    expect(goes(sampleMesh(yaml).sidecar(), 'http://reviews/')).toEqual({
      [`outbound|80|v1|reviews.${SVC}`]: 0.5,
      [`outbound|80|v3|reviews.${SVC}`]: 0.5,
    })
  },
  'samples__bookinfo__networking__virtual-service-reviews-90-10.yaml': (yaml) => {
    expect(goes(sampleMesh(yaml).sidecar(), 'http://reviews/')).toEqual({
      [`outbound|80|v1|reviews.${SVC}`]: 0.9,
      [`outbound|80|v2|reviews.${SVC}`]: 0.1,
    })
  },
  'samples__bookinfo__networking__virtual-service-reviews-test-v2.yaml': (yaml) => {
    const view = sampleMesh(yaml).sidecar()
    expect(goes(view, 'http://reviews/', { 'end-user': 'jason' })).toEqual(only(`outbound|80|v2|reviews.${SVC}`))
    expect(goes(view, 'http://reviews/')).toEqual(only(`outbound|80|v1|reviews.${SVC}`))
  },
  'samples__bookinfo__networking__virtual-service-reviews-v3.yaml': (yaml) => {
    expect(goes(sampleMesh(yaml).sidecar(), 'http://reviews/')).toEqual(only(`outbound|80|v3|reviews.${SVC}`))
  },
  'samples__httpbin__httpbin-gateway.yaml': (yaml) => {
    expect(goes(sampleMesh(yaml).gateway(), 'http://any.com/x')).toEqual(only(`outbound|8000||httpbin.${SVC}`))
  },
  'samples__multicluster__expose-istiod.yaml': (yaml) => {
    const view = sampleMesh(yaml).gateway()
    const istiod = 'istiod.istio-system.svc.cluster.local'
    expect(goes(view, 'https://any.com:15012/')).toEqual(only(`outbound|15012||${istiod}`))
    expect(goes(view, 'https://any.com:15017/')).toEqual(only(`outbound|443||${istiod}`))
    for (const name of view.names('lds'))
      expect(json(view, 'lds', name).filterChains[0].transportSocket).toBeUndefined()
  },
  'samples__tcp-echo__tcp-echo-20-v2.yaml': (yaml) => {
    const gateway = `
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: tcp-echo-gateway}
spec: {selector: {istio: ingressgateway}, servers: [{port: {number: 31400, name: tcp, protocol: TCP}, hosts: ["*"]}]}`
    expect(goes(sampleMesh(yaml + gateway).gateway(), 'tcp://any.com:31400')).toEqual({
      [`outbound|9000|v1|tcp-echo.${SVC}`]: 0.8,
      [`outbound|9000|v2|tcp-echo.${SVC}`]: 0.2,
    })
  },
  'samples__websockets__route.yaml': (yaml) => {
    const view = sampleMesh(yaml).gateway()
    expect(goes(view, 'http://any.com/ws')).toEqual(only(`outbound|80||tornado.${SVC}`))
    expect(json(view, 'lds', '0.0.0.0_80').filterChains[0].filters[0].typedConfig.upgradeConfigs).toEqual([
      { upgradeType: 'websocket' },
    ])
  },
  'tests__integration__pilot__testdata__destinationrule.yaml': (yaml) => {
    const names = sampleMesh(yaml).sidecar().names('cds')
    expect(names).toEqual(expect.arrayContaining([`outbound|80||reviews.${SVC}`, `outbound|80|v1|reviews.${SVC}`]))
  },
  'tests__integration__pilot__testdata__some-dir__missing-gateway.yaml': (yaml) => {
    // Refusing it is the loader's task; compiled all the same it must do no harm.
    expect(goes(sampleMesh(yaml).sidecar(), 'http://foobar/')).toContain('502')
  },
  'tests__testdata__config__byon.yaml': (yaml) => {
    const view = sampleMesh(yaml).sidecar('testns')
    const byon = 'outbound|80||byon.test.istio.io'
    expect(goes(view, 'http://byon.test.istio.io/')).toEqual(only(byon))
    expect(goes(view, 'http://mybyon.test.istio.io/')).toEqual(only(byon))
    expect(json(view, 'eds', byon).endpoints[0].lbEndpoints[0].endpoint.address.socketAddress).toEqual({
      address: '127.0.0.2',
      portValue: 7072,
    })
    expect(view.names('cds')).toContain('outbound|443||www.wikipedia.org')
  },
  'tests__testdata__config__destination-rule-fqdn.yaml': (yaml) => {
    const cluster = json(sampleMesh(yaml).sidecar('testns'), 'cds', 'outbound|80||www.webinf.info')
    expect(JSON.stringify(cluster)).toContain('least_request')
  },
  'tests__testdata__config__destination-rule-passthrough.yaml': (yaml) => {
    const service = `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: a, namespace: testns}
spec: {hosts: [a.foo.com], resolution: NONE, ports: [{number: 5000, name: tcp, protocol: TCP}]}`
    expect(json(sampleMesh(yaml + service).sidecar('testns'), 'cds', 'outbound|5000||a.foo.com').type).toBe(
      'ORIGINAL_DST',
    )
  },
  'tests__testdata__config__egressgateway.yaml': (yaml) => {
    const view = sampleMesh(yaml).gateway('testns')
    expect(view.names('lds')).toEqual(['0.0.0.0_80', '0.0.0.0_443'])
    const { commonTlsContext, requireClientCertificate } = json(view, 'lds', '0.0.0.0_443').filterChains[0]
      .transportSocket.typedConfig
    expect(requireClientCertificate ?? false).toBe(false)
    const [certificate] = commonTlsContext.tlsCertificateSdsSecretConfigs
    expect(json(view, 'sds', certificate.name).tlsCertificate.certificateChain.filename).toBe(
      '/etc/certs/cert-chain.pem',
    )
  },
  'tests__testdata__config__gateway-all.yaml': (yaml) => {
    const route = `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: v, namespace: testns}
spec: {hosts: [uk.bookinfo.com], gateways: [my-gateway], http: [{route: [{destination: {host: c.foo}}]}]}`
    const view = sampleMesh(yaml + route).gateway('testns')
    expect(goes(view, 'http://uk.bookinfo.com/')).toContain('301')
    expect(goes(view, 'https://uk.bookinfo.com/')).toEqual(only('outbound|80||c.foo'))
    expect(json(view, 'lds', '0.0.0.0_443').filterChains[0].filterChainMatch.serverNames).toEqual([
      'uk.bookinfo.com',
      'eu.bookinfo.com',
    ])
  },
  'tests__testdata__config__ingress.yaml': (yaml) => {
    const view = sampleMesh(yaml).gateway('testns')
    for (const url of ['http://any.com/foo', 'https://any.com/foo/x'])
      expect(goes(view, url)).toEqual(only('outbound|80||service3.default.svc.cluster.local'))
    expect(goes(view, 'http://any.com/bar')).toContain('404')
  },
  'tests__testdata__config__none.yaml': (yaml) => {
    const elsewhere = `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: hidden, namespace: other}
spec: {hosts: [hidden.other], resolution: STATIC, ports: [{number: 81, name: http, protocol: HTTP}], endpoints: [{address: 127.0.0.1}]}`
    const view = sampleMesh(yaml + elsewhere).sidecar('none')
    expect(view.names('cds').filter((name) => name.includes('hidden'))).toEqual([])
    for (const port of [2000, 2005, 2006, 2007, 2008, 2009]) expect(view.names('lds')).toContain(`127.0.0.1_${port}`)
    expect(goes(view, 'tcp://x:2005')).toEqual(only('outbound|2005||s2.external.test.istio.io'))
    for (const host of ['www1.googleapis.com', 'api1.facebook.com'])
      expect(goes(view, `https://${host}:2443/`)).toEqual(only(`outbound|2443||${host}`))
    for (const port of [7070, 7071, 18079, 18080]) {
      expect(view.names('lds')).toContain(`0.0.0.0_${port}`)
      expect(JSON.stringify(json(view, 'cds', `inbound|${port}||`))).toContain('127.0.0.1')
    }
  },
  'tests__testdata__config__rule-default-route-append-headers.yaml': (yaml) => {
    const text = JSON.stringify(json(sampleMesh(yaml).sidecar('testns'), 'rds', 'http_proxy'))
    expect(text).toContain('"header":{"key":"istio-custom-header","value":"user-defined-value"}')
    expect(text).not.toContain('OVERWRITE_IF_EXISTS_OR_ADD')
  },
  'tests__testdata__config__rule-default-route.yaml': (yaml) => {
    const gateway = `
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: my-gateway, namespace: testns}
spec: {selector: {app: g}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]}`
    const view = sampleMesh(yaml + gateway).gateway('testns')
    expect(goes(view, 'http://c.foo/bar/1')).toEqual(only('outbound|80||c.foo'))
    expect(goes(view, 'http://c.foo/foo')).toEqual(only('outbound|80||c.foo'))
    expect(JSON.stringify(json(view, 'rds', 'http.80'))).toContain('/bar')
    expect(goes(view, 'http://c.foo/other')).toContain('404')
  },
  'tests__testdata__config__rule-ingressgateway.yaml': (yaml) => {
    const gateway = `
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: istio-ingressgateway, namespace: testns}
spec: {selector: {app: g}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]}`
    expect(goes(sampleMesh(yaml + gateway).gateway('testns'), 'http://uk.bookinfo.com/')).toEqual(
      only('outbound|80|v2|c.testns.svc.cluster.local'),
    )
    // Pinned to the gateway: sidecars do not know the host.
    expect(goes(sampleMesh(yaml + gateway).sidecar('testns'), 'http://uk.bookinfo.com/')).toContain('502')
    // Without a declaration of the host nothing is served silently.
    expect(goes(sampleMesh(yaml + gateway, { declare: false }).gateway('testns'), 'http://uk.bookinfo.com/')).toContain(
      '503',
    )
  },
  'tests__testdata__config__rule-regex-route.yaml': (yaml) => {
    const url = 'http://regex.extsvc.com:9003/'
    const cluster = (subset: string) => only(`outbound|9003|${subset}|regex.extsvc.com`)
    const labelled = sampleMesh(yaml).sidecar('testns', { version: 'v1' })
    expect(goes(labelled, url, { foo: 'bar' })).toEqual(cluster('v2'))
    expect(goes(labelled, url, { foo: 'abar' })).toEqual(cluster('v1'))
    expect(goes(sampleMesh(yaml).sidecar('testns'), url, { foo: 'bar' })).toEqual(cluster('v1'))
  },
  'tests__testdata__config__rule-websocket-route.yaml': (yaml) => {
    const view = sampleMesh(yaml).sidecar('testns')
    const to = only('outbound|9002|v1|websocket.test.istio.io')
    expect(goes(view, 'http://websocket.test.istio.io:9002/', { testwebsocket: 'enabled' })).toEqual(to)
    expect(goes(view, 'http://websocket2.extsvc.com/', { testwebsocket: 'enabled' })).toEqual(to)
  },
  'tests__testdata__config__se-example-gw.yaml': (yaml) => {
    const { gateway, sidecar } = sampleMesh(yaml, { declare: false })
    // The VirtualService routes httpbin.com, only httpbin.org is declared: the destination is missing, and that is said.
    expect(goes(gateway('exampleegressgw'), 'http://httpbin.com/')).toContain('503')
    expect(goes(sidecar('exampleegressgw'), 'http://httpbin.com/')).toContain('503')
  },
  'tests__testdata__config__static-weighted-se.yaml': (yaml) => {
    const { endpoints } = json(sampleMesh(yaml).sidecar(), 'eds', 'outbound|80||weighted.static.svc.cluster.local')
    const weights = endpoints.map(({ locality, lbEndpoints, loadBalancingWeight }: Json) => [
      locality.region,
      lbEndpoints.map((endpoint: Json) => endpoint.loadBalancingWeight),
      loadBalancingWeight,
    ])
    expect(weights).toEqual([
      ['a', [1, 8], 9],
      ['b', [3], 3],
    ])
  },
}

/** What holds of any sample, in every namespace it names: all compiles, and nothing is sent to a cluster that is not there. */
function complete(yaml: string): void {
  const sample = sampleMesh(yaml)
  const namespaces = new Set([...sample.objects.values()].map(({ namespace }) => namespace))
  for (const namespace of namespaces)
    for (const view of [sample.sidecar(namespace), sample.gateway(namespace)]) {
      const { cds, lds, rds } = reachable(view)
      const clusters = new Set(cds.map(({ name }) => name))
      const missing = [...lds, ...rds].flatMap((resource) => clustersIn(resourceJson(resource) as Json))
      expect(missing.filter((name) => !clusters.has(name))).toEqual([])
    }
}

function clustersIn(value: Json): readonly string[] {
  if (typeof value !== 'object' || value === null) return []
  const named = value.cluster ?? value.name
  const here = typeof named === 'string' && /^(outbound|inbound)\|/.test(named) ? [named] : []
  return [...here, ...Object.values(value).flatMap((item) => clustersIn(item))]
}

describe.skipIf(!casesFolder('istio-samples'))('what Istio’s own samples do', () => {
  const given = JSON.parse(sampleFile('expect.json') ?? '[]') as { file: string; expect: string }[]

  it.each(given.map((sample) => [sample.file, sample.expect] as const))('%s: %s', (file) => {
    const check = SAMPLES[file] ?? complete
    check(sampleFile(file)!)
  })
})
