import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { type StaticResources, staticBootstrap } from '../../controlplane/bootstrap/static.ts'
import { testCa } from '../helpers/certificates.ts'
import { startEcho } from '../helpers/echo.ts'
import { startEnvoy, validateEnvoy } from '../helpers/envoy.ts'
import { freePort, freePorts } from '../helpers/ports.ts'

const node = { id: 'static' }
const hcm = 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'
const ads = { ads: {}, resourceApiVersion: 'V3' }

test('routes, endpoints and secrets over xDS become parts of the file, and Envoy serves them', async () => {
  const [echo, port, ca] = await Promise.all([startEcho('reviews'), freePort(), testCa()])
  const own = await ca.issue('gateway', { dns: ['shop.example'] })
  const resources: StaticResources = {
    listeners: [
      {
        name: 'https',
        address: { socketAddress: { address: '127.0.0.1', portValue: port } },
        filterChains: [
          {
            filters: [
              {
                name: 'hcm',
                typedConfig: {
                  '@type': hcm,
                  statPrefix: 'in',
                  rds: { routeConfigName: 'table', configSource: ads },
                  httpFilters: [
                    {
                      name: 'router',
                      typedConfig: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
                    },
                  ],
                },
              },
            ],
            transportSocket: {
              name: 'tls',
              typedConfig: {
                '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
                commonTlsContext: { tlsCertificateSdsSecretConfigs: [{ name: 'kubernetes://shop', sdsConfig: ads }] },
              },
            },
          },
        ],
      },
    ],
    routes: [
      {
        name: 'table',
        virtualHosts: [
          {
            name: 'all',
            domains: ['*'],
            routes: [
              { match: { prefix: '/gone' }, route: { cluster: 'not there' } },
              { match: { prefix: '/empty' }, route: { cluster: 'empty' } },
              { match: { prefix: '/' }, route: { cluster: 'reviews' } },
            ],
          },
        ],
      },
    ],
    clusters: [
      { name: 'reviews', type: 'EDS', edsClusterConfig: { serviceName: 'reviews-endpoints', edsConfig: ads } },
      { name: 'empty', type: 'EDS', edsClusterConfig: { edsConfig: ads } },
    ],
    endpoints: [
      {
        clusterName: 'reviews-endpoints',
        endpoints: [
          { lbEndpoints: [{ endpoint: { address: { socketAddress: { address: echo.host, portValue: echo.port } } } }] },
        ],
      },
    ],
    secrets: [
      {
        name: 'kubernetes://shop',
        tlsCertificate: { certificateChain: { inlineString: own.cert }, privateKey: { inlineString: own.key } },
      },
    ],
  }
  const envoy = await startEnvoy({ bootstrap: staticBootstrap({ node, resources }) })
  const get = (path: string) => getOverTls(port, ca.cert, 'shop.example', path)
  expect(await get('/x')).toEqual({ status: 200, upstream: 'reviews' })
  expect(await get('/empty')).toEqual({ status: 503, upstream: undefined })
  expect(await get('/gone')).toEqual({ status: 503, upstream: undefined })
  await envoy.stop()
})

test('what needs a secret that is not there is left out, and said; everything else runs', async () => {
  const tls = (secret: string) => ({
    name: 'envoy.transport_sockets.tls',
    typedConfig: {
      '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
      commonTlsContext: { tlsCertificateSdsSecretConfigs: [{ name: secret, sdsConfig: { ads: {} } }] },
    },
  })
  const tcp = {
    name: 'envoy.filters.network.tcp_proxy',
    typedConfig: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
      statPrefix: 'x',
      cluster: 'c',
    },
  }
  const address = (portValue: number) => ({ socketAddress: { address: '127.0.0.1', portValue } })
  const [plain, closed] = await freePorts(2)
  const omitted: string[] = []
  const bootstrap = staticBootstrap({
    node,
    resources: {
      listeners: [
        {
          name: 'both',
          address: address(plain!),
          filterChains: [
            { filterChainMatch: { serverNames: ['a.com'] }, transportSocket: tls('gone'), filters: [tcp] },
            { filters: [tcp] },
          ],
        },
        {
          name: 'only tls',
          address: address(closed!),
          filterChains: [{ transportSocket: tls('gone'), filters: [tcp] }],
        },
      ],
      clusters: [{ name: 'c', type: 'STATIC', transportSocket: tls('also gone') }],
      endpoints: [],
      routes: [],
      secrets: [],
    },
    onOmitted: (what) => omitted.push(what),
  })
  expect(omitted).toEqual([
    'cluster c needs secret also gone, which does not exist: it has no endpoints',
    'listener both: filter chain 1 needs secret gone, which does not exist',
    'listener only tls: filter chain 1 needs secret gone, which does not exist',
  ])
  const { static_resources } = bootstrap as {
    static_resources: { listeners: { name: string; filterChains: unknown[] }[] }
  }
  expect(static_resources.listeners.map(({ name, filterChains }) => [name, filterChains.length])).toEqual([['both', 1]])
  expect(await validateEnvoy(bootstrap)).toEqual({ ok: true, error: '' })
})

async function getOverTls(port: number, ca: string, servername: string, path: string) {
  const { request } = await import('node:https')
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port, ca, servername, path }, (response) => {
      response.resume()
      response.on('end', () => resolve({ status: response.statusCode, upstream: response.headers['x-echo-name'] }))
    })
    call.on('error', reject)
    call.end()
  })
}

const cases = join(
  process.env['MESHGATE_CASES'] ?? join(import.meta.dirname, '../../../shared/cases'),
  'envoy-gateway-xds',
)
const present = existsSync(cases)
if (!present) process.stderr.write(`SKIPPED: real xDS sets as static files: no folder ${cases} (set MESHGATE_CASES)\n`)

describe.skipIf(!present)("Envoy's verdict on real xDS sets as static files", () => {
  const verdicts: readonly { set: string; staticVerdict: string; expect: string }[] = present
    ? JSON.parse(readFileSync(join(cases, 'envoy-1.39.3.json'), 'utf8'))
    : []
  const files = present ? readdirSync(cases) : []
  const list = (set: string, kind: keyof StaticResources) => {
    const file = `${set}.${kind}.yaml`
    return files.includes(file) ? (parse(readFileSync(join(cases, file), 'utf8')) ?? []) : []
  }

  for (const { set, expect: verdict } of verdicts) {
    test(`${set}: ${verdict}`, async () => {
      const resources: StaticResources = {
        clusters: list(set, 'clusters'),
        endpoints: list(set, 'endpoints'),
        listeners: list(set, 'listeners'),
        routes: list(set, 'routes'),
        secrets: await realKeys(list(set, 'secrets')),
      }
      const { ok, error } = await validateEnvoy(staticBootstrap({ node, resources }))
      if (verdict === 'environment') expect(error).toMatch(/Invalid path/)
      else expect({ ok, error }).toMatchObject({ ok: verdict === 'accept' })
    })
  }
})

/** The sets hold placeholders instead of certificates and keys. */
async function realKeys(secrets: StaticResources['secrets']): Promise<StaticResources['secrets']> {
  const ca = await testCa()
  const own = await ca.issue('placeholder', { dns: ['placeholder.example'] })
  return secrets.map((secret) => {
    if ('tlsCertificate' in secret)
      return {
        name: secret['name']!,
        tlsCertificate: { certificateChain: { inlineString: own.cert }, privateKey: { inlineString: own.key } },
      }
    if (isPlaceholderCa(secret))
      return { name: secret['name']!, validationContext: { trustedCa: { inlineString: ca.cert } } }
    return secret
  })
}

function isPlaceholderCa(secret: StaticResources['secrets'][number]): boolean {
  const { validationContext } = secret as { validationContext?: { trustedCa?: { inlineBytes?: string } } }
  const bytes = validationContext?.trustedCa?.inlineBytes
  return bytes !== undefined && !Buffer.from(bytes, 'base64').includes('BEGIN CERTIFICATE')
}
