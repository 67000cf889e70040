import { readFile, writeFile } from 'node:fs/promises'
import type { FastifyInstance } from 'fastify'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testCa } from '../../test/helpers/certificates.ts'
import { ServiceFigures } from '../figures/index.ts'
import { LiveConfig } from '../live-config.ts'
import { createMesh } from '../mesh.ts'
import { MemorySource } from '../sources/index.ts'
import { StatusBook } from '../status/book.ts'
import { createAdminServer } from './server.ts'

const NODE = 'sidecar~10.0.0.1~shop.default~default.svc.cluster.local'
const SERVICES = `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: reviews}
spec:
  hosts: [reviews.default.svc.cluster.local]
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints:
    - {address: 10.1.0.1, labels: {version: v1}, locality: r/z}
    - {address: 10.1.0.2, labels: {version: v2}}
`
const RULES = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http:
    - match: [{headers: {x-test: {exact: broken}}}]
      fault: {abort: {httpStatus: 503, percentage: {value: 100}}}
      route: [{destination: {host: reviews}}]
    - route: [{destination: {host: reviews}}]
`

let app: FastifyInstance
let source: MemorySource
let config: LiveConfig

/** A new API over a configuration that has not been read yet. */
async function start(): Promise<void> {
  source = MemorySource.of({ 'services.yaml': SERVICES, 'rules.yaml': RULES })
  const mesh = createMesh()
  config = new LiveConfig(source, mesh)
  const context = { version: '1.2.3', config, mesh, status: new StatusBook(), metrics: new Registry() }
  app = await createAdminServer(context, { names: ['mesh.example'] })
}

async function stop(): Promise<void> {
  await app.close()
  await config.stop()
}

beforeAll(async () => {
  await start()
  await config.start()
})
afterAll(stop)

const get = (url: string, headers: Record<string, string> = {}) =>
  app.inject({ url, headers: { host: '127.0.0.1:18080', ...headers } })

describe('health', () => {
  test('alive at once, ready only after the first complete reading', async () => {
    await stop()
    await start()
    expect((await get('/healthz/live')).statusCode).toBe(200)
    expect((await get('/healthz/ready')).statusCode).toBe(503)
    await config.start()
    expect((await get('/healthz/ready')).statusCode).toBe(200)
  })
})

describe('questions about the mesh', () => {
  test('services with their endpoints and the lines they come from', async () => {
    const { services } = (await get('/api/v1/services')).json()
    expect(services).toMatchObject([
      {
        hostname: 'reviews.default.svc.cluster.local',
        namespace: 'default',
        ports: [
          {
            number: 80,
            protocol: 'http',
            endpoints: [{ address: '10.1.0.1', port: 80, locality: 'r/z' }, { address: '10.1.0.2' }],
          },
        ],
        place: { document: 'ServiceEntry/default/reviews', file: 'services.yaml', line: 6 },
      },
    ])
    expect((await get('/api/v1/services/reviews.default.svc.cluster.local')).json().services).toEqual(services)
    const missing = await get('/api/v1/services/nobody')
    expect([missing.statusCode, missing.json().code]).toEqual([404, 'NOT_FOUND'])
  })

  test('explain follows a request and names lines', async () => {
    const query = new URLSearchParams({ node: NODE, url: 'http://reviews/' })
    query.append('header', 'x-test=broken')
    const { steps, outcome } = (await get(`/api/v1/explain?${query}`)).json()
    expect(outcome).toBe('endpoints')
    expect(steps.map(({ step }: { step: string }) => step)).toEqual([
      'listener',
      'virtual-host',
      'route',
      'fault',
      'cluster',
      'endpoints',
    ])
    expect(steps[3].places).toMatchObject([{ document: 'VirtualService/default/reviews', file: 'rules.yaml', line: 9 }])
  })

  test('translate gives lists of Envoy messages, of one type if asked, or a bootstrap', async () => {
    const all = (await get(`/api/v1/translate?node=${NODE}`)).json()
    expect(Object.keys(all)).toEqual(['clusters', 'endpoints', 'listeners', 'routes', 'secrets'])
    const endpoints = (await get(`/api/v1/translate?node=${NODE}&type=eds`)).json()
    expect(endpoints).toEqual({ endpoints: all.endpoints })
    const bootstrap = (await get(`/api/v1/translate?node=${NODE}&format=envoy`)).json()
    expect(bootstrap.static_resources.listeners[0].name).toBe('127.0.0.1_15080')
  })

  test('metadata decide as they would for a connected proxy', async () => {
    const listeners = async (metadata: object) => {
      const query = new URLSearchParams({ node: 'x', type: 'lds', metadata: JSON.stringify(metadata) })
      return (await get(`/api/v1/translate?${query}`)).json().listeners.map(({ name }: { name: string }) => name)
    }
    expect(await listeners({})).toEqual(['127.0.0.1_15080'])
    expect(await listeners({ HTTP_PROXY_PORT: '15081' })).toEqual(['127.0.0.1_15081'])
  })

  test('no proxy is connected', async () => {
    expect((await get('/api/v1/proxies')).json()).toEqual({ proxies: [] })
    expect((await get(`/api/v1/proxies/${NODE}`)).statusCode).toBe(404)
    expect((await get(`/api/v1/proxies/${NODE}/config/clusters`)).statusCode).toBe(404)
  })
})

describe('diagnostics', () => {
  test('of the configuration in force, as it changes', async () => {
    expect((await get('/api/v1/diagnostics')).json().summary.errors).toBe(0)
    source.set({ 'services.yaml': SERVICES, 'rules.yaml': RULES.replace('503', 'much') })
    const { diagnostics, summary } = (await get('/api/v1/diagnostics')).json()
    expect(summary.errors).toBe(1)
    expect(diagnostics[0]).toMatchObject({
      severity: 'error',
      file: 'rules.yaml',
      line: 9,
      path: 'spec.http[0].fault.abort.httpStatus',
    })
    source.set({ 'services.yaml': SERVICES, 'rules.yaml': RULES })
    expect((await get('/api/v1/diagnostics')).json().summary.errors).toBe(0)
  })

  test('of texts that are sent, without touching what is in force', async () => {
    const answer = await app.inject({
      method: 'POST',
      url: '/api/v1/analyze',
      headers: { host: 'localhost' },
      payload: { files: { 'draft.yaml': 'kind: VirtualService\nspec: a: b' } },
    })
    expect(answer.json()).toMatchObject({ diagnostics: [{ file: 'draft.yaml', line: 2, severity: 'error' }] })
    expect((await get('/api/v1/diagnostics')).json().summary.errors).toBe(0)
  })
})

test('analysis tells what no proxy can get as it is written', async () => {
  const rule = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec:
  host: reviews
  trafficPolicy: {tls: {mode: SIMPLE, sni: reviews.example, caCertificates: /ca.pem}}
`
  const answer = await app.inject({
    method: 'POST',
    url: '/api/v1/analyze',
    headers: { host: 'localhost' },
    payload: { files: { 'services.yaml': SERVICES, 'rule.yaml': rule } },
  })
  expect(answer.json().diagnostics).toMatchObject([{ code: 'TLS_NAME_NOT_CHECKED', file: 'rule.yaml', line: 7 }])
})

test('private keys leave by no door', async () => {
  const ca = await testCa()
  const { cert, key } = await ca.issue('shop', { dns: ['shop.example'] })
  const indented = (pem: string) => pem.trim().replaceAll(/^/gm, '    ')
  const secret = `
apiVersion: v1
kind: Secret
metadata: {name: shop}
type: kubernetes.io/tls
stringData:
  tls.crt: |
${indented(cert)}
  tls.key: |
${indented(key)}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gateway}
spec:
  servers:
    - port: {number: 8443, name: https, protocol: HTTPS}
      tls: {mode: SIMPLE, credentialName: shop}
      hosts: ['*']
`
  source.set({ 'services.yaml': SERVICES, 'secret.yaml': secret })
  const node = 'router~10.0.0.2~gateway.default~default.svc.cluster.local'
  const keyLine = key.split('\n')[1]!
  const { secrets } = (await get(`/api/v1/translate?node=${node}`)).json()
  expect(secrets).toMatchObject([{ tlsCertificate: { privateKey: { inlineBytes: '[redacted]' } } }])
  for (const url of [
    `/api/v1/translate?node=${node}`,
    `/api/v1/translate?node=${node}&format=envoy`,
    `/api/v1/explain?node=${node}&url=https://shop.example:8443/`,
    '/api/v1/diagnostics',
    '/api/v1/services',
  ]) {
    const answer = await get(url)
    expect([url, answer.statusCode]).toEqual([url, 200])
    expect(answer.body).not.toContain(keyLine)
    expect(answer.body).not.toContain(Buffer.from(key).toString('base64').slice(60, 120))
  }
  source.set({ 'services.yaml': SERVICES, 'rules.yaml': RULES })
})

describe('who is answered', () => {
  test.each(['127.0.0.1', '[::1]:18080', 'localhost:18080', 'mesh.example', '10.0.0.1:1'])('Host %s', async (host) => {
    expect((await get('/healthz/live', { host })).statusCode).toBe(200)
  })

  test.each(['evil.example', 'evil.example:18080', '127.0.0.1.evil.example', 'xlocalhost'])(
    'not Host %j (DNS rebinding)',
    async (host) => {
      const answer = await get('/api/v1/services', { host })
      expect([answer.statusCode, answer.json().code]).toEqual([421, 'WRONG_HOST'])
    },
  )

  test('not a page of another site that posts', async () => {
    const post = (origin: string) =>
      app.inject({
        method: 'POST',
        url: '/api/v1/analyze',
        headers: { host: 'localhost:1', origin },
        payload: { files: {} },
      })
    expect((await post('http://evil.example')).json().code).toBe('WRONG_ORIGIN')
    expect((await post('null')).statusCode).toBe(403)
    expect((await post('http://localhost:1')).statusCode).toBe(200)
  })
})

describe('errors', () => {
  test.each([
    ['/nowhere', 404, 'NOT_FOUND', /there is no GET \/nowhere/],
    ['/api/v1/explain?node=x', 400, 'BAD_REQUEST', /^query: url is missing$/],
    ['/api/v1/explain?node=x&url=ftp://a/', 400, 'BAD_REQUEST', /write http, https, tcp or tls/],
    ['/api/v1/explain?node=x&url=a:80', 400, 'BAD_REQUEST', /write http, https, tcp or tls/],
    ['/api/v1/explain?node=x&url=http://a/&header=a', 400, 'BAD_REQUEST', /^query: header.0 must match pattern/],
    ['/api/v1/proxies/x/config/clusterz', 400, 'BAD_REQUEST', /^path: type must be one of .*clusters/],
    ['/api/v1/explain?node=x&url=%25', 400, 'BAD_REQUEST', /is no URL/],
    ['/api/v1/translate?node=x&metadata=%5B%5D', 400, 'BAD_REQUEST', /must be a JSON object/],
    ['/api/v1/translate?node=x&metadata=%7B', 400, 'BAD_REQUEST', /is no JSON/],
    ['/api/v1/translate?node=x&type=nds', 400, 'BAD_REQUEST', /^query: type must be one of cds, eds, /],
  ])('%s: %i %s', async (url, status, code, message) => {
    const answer = await get(url)
    expect([answer.statusCode, answer.json().code]).toEqual([status, code])
    expect(answer.json().message).toMatch(message)
  })

  test('a method that a path does not take is told apart from a path that does not exist', async () => {
    const ask = (method: 'DELETE' | 'GET', url: string) => app.inject({ method, url, headers: { host: 'localhost' } })
    const wrong = await ask('DELETE', `/api/v1/proxies/${NODE}`)
    expect([wrong.statusCode, wrong.headers['allow']]).toEqual([405, 'GET, HEAD'])
    expect(wrong.json()).toEqual({
      code: 'METHOD_NOT_ALLOWED',
      message: `/api/v1/proxies/${NODE} takes GET, HEAD, not DELETE`,
    })
    expect((await ask('GET', '/api/v1/analyze')).headers['allow']).toBe('POST')
    expect((await ask('DELETE', '/nowhere')).statusCode).toBe(404)
  })

  test('a body that is too large or no JSON', async () => {
    const post = (payload: string) =>
      app.inject({
        method: 'POST',
        url: '/api/v1/analyze',
        headers: { host: 'localhost', 'content-type': 'application/json' },
        payload,
      })
    const cut = await post('{')
    expect(cut.statusCode).toBe(400)
    expect(cut.json()).toEqual({ code: 'BAD_REQUEST', message: 'the body is no JSON' })
    const large = await post(JSON.stringify({ files: { a: 'x'.repeat(17 * 1024 * 1024) } }))
    expect(large.statusCode).toBe(413)
    expect(large.json()).toEqual({ code: 'TOO_LARGE', message: 'the body is larger than this path takes' })
    const yaml = await app.inject({
      method: 'POST',
      url: '/api/v1/analyze',
      headers: { host: 'localhost', 'content-type': 'application/yaml' },
      payload: 'a: 1',
    })
    expect([yaml.statusCode, yaml.json().code]).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE'])
  })
})

test('a service has figures by cluster and by time; without any of them all is empty', async () => {
  let early = 60_000
  const figures = new ServiceFigures({ nodes: () => [], onReport: () => () => {}, now: () => Date.now() - early })
  early = 0
  const own = await createAdminServer(
    {
      ...{ version: '1.2.3', config, mesh: createMesh(), status: new StatusBook(), metrics: new Registry() },
      figures,
    },
    {},
  )
  figures.book.add('outbound|80|v2|reviews.default.svc.cluster.local~3', { requests: 10, failed: 4 })
  const ask = async (from: FastifyInstance, query = '') => {
    const url = `/api/v1/services/Reviews.default.svc.cluster.local/figures${query}`
    return (await from.inject({ url, headers: { host: 'localhost' } })).json()
  }
  expect(await ask(own, '?window=30')).toMatchObject({
    ...{ hostname: 'reviews.default.svc.cluster.local', requests: 10, failed: 4, reading: 0, seconds: 30 },
    clusters: [{ cluster: 'outbound|80|v2|reviews.default.svc.cluster.local', requests: 10, failed: 4 }],
    steps: [{ requests: 10, failed: 4 }],
  })
  expect(await ask(app)).toMatchObject({ requests: 0, failed: 0, reading: 0, clusters: [], steps: [] })
  expect(await ask(own, '?window=4000')).toMatchObject({ code: 'BAD_REQUEST' })
  await own.close()
})

test('kinds and their schemas can be asked for', async () => {
  const { kinds } = (await get('/api/v1/kinds')).json()
  expect(kinds.map(({ kind }: { kind: string }) => kind)).toContain('MsgRouter')
  const schema = (await get('/api/v1/kinds/DestinationRule/schema')).json()
  expect(schema.properties.spec.properties.host.description).toContain('wildcard')
  const missing = await get('/api/v1/kinds/Nothing/schema')
  expect([missing.statusCode, missing.json().code]).toEqual([404, 'NOT_FOUND'])
})

test('the committed description of the API is that of the code (UPDATE_GOLDEN=1 rewrites it, npm run format lays it out)', async () => {
  const file = new URL('../../docs/openapi.json', import.meta.url)
  const answer = await get('/openapi.json')
  expect(answer.statusCode).toBe(200)
  const described = answer.json()
  described.info.version = ''
  if (process.env['UPDATE_GOLDEN']) await writeFile(file, `${JSON.stringify(described, null, 2)}\n`)
  expect(described).toEqual(JSON.parse(await readFile(file, 'utf8')))
  for (const [path, methods] of Object.entries<Record<string, { operationId?: string }>>(described.paths))
    for (const [method, operation] of Object.entries(methods))
      expect(operation.operationId, `${method} ${path}`).toBeTruthy()
})

test('every property and parameter of the API says what it is', async () => {
  const silent: string[] = []
  const walk = (value: unknown, path: string): void => {
    if (typeof value !== 'object' || value === null) return
    const { properties, parameters } = value as Record<string, unknown>
    if (typeof properties === 'object' && properties !== null)
      for (const [name, one] of Object.entries(properties as Record<string, { description?: string; $ref?: string }>))
        if (!one.description && !one.$ref) silent.push(`${path}.${name}`)
    if (Array.isArray(parameters))
      for (const one of parameters as { name: string; description?: string }[])
        if (!one.description) silent.push(`${path} ${one.name}`)
    for (const [name, one] of Object.entries(value)) walk(one, `${path}/${name}`)
  }
  const api = (await get('/openapi.json')).json()
  walk(api, '')
  expect(silent).toEqual([])
  for (const [name, schema] of Object.entries<{ description?: string }>(api.components.schemas))
    expect(schema.description, name).toBeTruthy()
})
