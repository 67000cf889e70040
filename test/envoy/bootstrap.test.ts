import { writeFile } from 'node:fs/promises'
import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { fromJson } from '@bufbuild/protobuf'
import { beforeEach, describe, expect, test } from 'vitest'
import { envoyBootstrap } from '../../controlplane/bootstrap/envoy.ts'
import { STATS_TAGS } from '../../controlplane/bootstrap/stats-tags.ts'
import { fullRegistry } from '../../proto/registry.ts'
import { type TestCa, testCa } from '../helpers/certificates.ts'
import { startEcho } from '../helpers/echo.ts'
import { startEnvoy, validateEnvoy } from '../helpers/envoy.ts'
import { testFolder } from '../helpers/folders.ts'
import { freePort } from '../helpers/ports.ts'
import { stopAfterTests } from '../helpers/processes.ts'

const node = { id: 'sidecar~127.0.0.1~shop.default~default.svc.cluster.local' }

describe('the bootstrap', () => {
  const variants = {
    delta: { mode: 'delta' },
    'state of the world': { mode: 'sotw' },
    'by host name': { xds: { host: 'control-plane.example', port: 18000 } },
    'of several control planes': {
      xds: [
        { host: 'one.example', port: 18000 },
        { host: '10.0.0.9', port: 18001 },
      ],
      tls: { ca: '/etc/ssl/certs/ca-certificates.crt' },
    },
    'with everything': {
      node: {
        ...node,
        cluster: 'shop',
        metadata: { LABELS: { app: 'shop' } },
        locality: { region: 'r', zone: 'z', subZone: 's' },
      },
      adminPort: 15000,
      deferredStats: true,
    },
  } as const

  for (const [name, options] of Object.entries(variants)) {
    const bootstrap = envoyBootstrap({ node, xds: { host: '127.0.0.1', port: 18000 }, ...options })

    test(`${name}: every field exists in Envoy's API`, () => {
      const message = fullRegistry().getMessage('envoy.config.bootstrap.v3.Bootstrap')!
      expect(() => fromJson(message, bootstrap as never, { registry: fullRegistry() })).not.toThrow()
    })

    test(`${name}: Envoy accepts it`, async () => {
      expect(await validateEnvoy(bootstrap)).toEqual({ ok: true, error: '' })
    })
  }
})

describe('an Envoy with the bootstrap', () => {
  /** First requests of the streams the silent control planes below accepted; they answer nothing. */
  const asked: { path: string; node: string; peer: string }[] = []
  const accept = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    const socket = stream.session!.socket as Partial<TLSSocket>
    const peer = socket.getPeerCertificate?.().subjectaltname ?? ''
    stream.once('data', (bytes: Buffer) => {
      asked.push({ path: String(headers[':path']), node: bytes.toString('latin1'), peer })
    })
    stream.on('error', () => {})
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' })
  }
  /** The ports that streams came to, where a test asks for them. */
  let ports: number[] = []
  const servers = new Map<number, () => void>()
  const listen = async (server: Http2Server | Http2SecureServer) => {
    server.on('stream', accept)
    server.on('sessionError', () => {})
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    stopAfterTests(async () => server.close())
    const { port } = server.address() as AddressInfo
    const sessions = new Set<ServerHttp2Session>()
    server.on('session', (session) => sessions.add(session))
    server.on('stream', () => ports.push(port))
    servers.set(port, () => {
      server.close()
      for (const session of sessions) session.destroy()
    })
    return { host: '127.0.0.1', port }
  }
  beforeEach(() => {
    asked.length = 0
  })

  const methods = { delta: 'DeltaAggregatedResources', sotw: 'StreamAggregatedResources' } as const
  for (const mode of ['delta', 'sotw'] as const) {
    test(`${mode}: it opens one stream for configuration and one for reports, tells its node, and is not ready before it is answered`, async () => {
      const xds = await listen(createServer())
      const envoy = await startEnvoy({ bootstrap: envoyBootstrap({ node, mode, xds }), waitLive: false })
      await expect
        .poll(() => asked.map(({ path }) => path).sort())
        .toEqual([
          `/envoy.service.discovery.v3.AggregatedDiscoveryService/${methods[mode]}`,
          '/envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats',
        ])
      for (const { node: told } of asked) expect(told).toContain(node.id)
      await expect(envoy.admin('/ready')).rejects.toThrow(/503 (PRE_)?INITIALIZING/)
      await envoy.stop()
    })
  }

  test('of several control planes it asks another when one is gone', async () => {
    const xds = [await listen(createServer()), await listen(createServer())]
    const peers: number[] = []
    ports = peers
    const envoy = await startEnvoy({ bootstrap: envoyBootstrap({ node, xds, loadReports: false }), waitLive: false })
    await expect.poll(() => peers.length).toBeGreaterThan(0)
    const [first] = peers
    servers.get(first!)!()
    const other = xds.find(({ port }) => port !== first)!.port
    await expect.poll(() => peers).toContain(other)
    await envoy.stop()
  })

  describe('over TLS', async () => {
    const folder = testFolder('tls')
    const [ca, other] = await Promise.all([testCa(), testCa('somebody else')])
    const file = async (name: string, text: string) => {
      await writeFile(join(folder, name), text)
      return join(folder, name)
    }
    const own = await ca.issue('shop', { uri: ['spiffe://cluster.local/ns/default/sa/shop'] })
    const tls = {
      ca: await file('ca.pem', ca.cert),
      cert: await file('cert.pem', own.cert),
      key: await file('key.pem', own.key),
      serverName: 'meshgate.example',
    }

    const controlPlane = async (by: TestCa, name: string) => {
      const server = await by.issue('control plane', { dns: [name] })
      return listen(createSecureServer({ ...server, ca: ca.cert, requestCert: true, rejectUnauthorized: true }))
    }

    test('it shows its certificate to the control plane it knows', async () => {
      const xds = await controlPlane(ca, 'meshgate.example')
      const envoy = await startEnvoy({ bootstrap: envoyBootstrap({ node, xds, tls }), waitLive: false })
      await expect.poll(() => asked.length).toBeGreaterThan(0)
      for (const { peer } of asked) expect(peer).toBe('URI:spiffe://cluster.local/ns/default/sa/shop')
      await envoy.stop()
    })

    for (const [what, by, name] of [
      ['with another name', ca, 'evil.example'],
      ['of another CA', other, 'meshgate.example'],
    ] as const) {
      test(`it tells nothing to a control plane ${what}`, async () => {
        const xds = await controlPlane(by, name)
        const envoy = await startEnvoy({ bootstrap: envoyBootstrap({ node, xds, tls }), waitLive: false })
        await expect
          .poll(() =>
            envoy
              .stat('cluster.xds-grpc.ssl.fail_verify_san')
              .then(async (san) => san + (await envoy.stat('cluster.xds-grpc.ssl.fail_verify_error'))),
          )
          .toBeGreaterThan(0)
        expect(asked).toEqual([])
        await envoy.stop()
      })
    }
  })
})

test.each([
  ['outbound|8080|v1|reviews.default.svc.cluster.local', false],
  ['outbound|8080||reviews.external', true],
])('the labels of Prometheus metrics carry whole cluster names, dots included: %s', async (cluster, ends) => {
  const echo = await startEcho('reviews')
  const port = await freePort()
  const envoy = await startEnvoy({
    bootstrap: {
      stats_config: { use_all_default_tags: false, stats_tags: STATS_TAGS },
      static_resources: {
        listeners: [
          {
            name: 'in',
            address: { socket_address: { address: '127.0.0.1', port_value: port } },
            filter_chains: [
              {
                filters: [
                  {
                    name: 'hcm',
                    typed_config: {
                      '@type':
                        'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
                      stat_prefix: 'outbound',
                      route_config: {
                        virtual_hosts: [
                          { name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster } }] },
                        ],
                      },
                      http_filters: [
                        {
                          name: 'router',
                          typed_config: {
                            '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router',
                          },
                        },
                      ],
                    },
                  },
                ],
              },
            ],
          },
        ],
        clusters: [
          {
            name: cluster,
            ...(ends && { alt_stat_name: `${cluster};` }),
            type: 'STATIC',
            outlier_detection: {},
            load_assignment: {
              cluster_name: cluster,
              endpoints: [
                {
                  lb_endpoints: [
                    { endpoint: { address: { socket_address: { address: echo.host, port_value: echo.port } } } },
                  ],
                },
              ],
            },
          },
        ],
      },
    },
  })
  const answer = await fetch(`http://127.0.0.1:${port}/hello`)
  expect(await answer.json()).toMatchObject({ name: 'reviews', path: '/hello', protocol: 'HTTP/1.1' })
  const lines = (await envoy.admin('/stats/prometheus')).split('\n').filter((line) => line.startsWith('envoy_cluster_'))
  expect(lines).toContain(`envoy_cluster_upstream_rq{envoy_response_code="200",envoy_cluster_name="${cluster}"} 1`)
  expect(lines).toContain(
    `envoy_cluster_external_upstream_rq{envoy_response_code="200",envoy_cluster_name="${cluster}"} 1`,
  )
  const others = lines.filter(
    (line) => !line.includes(`envoy_cluster_name="${cluster}"`) && !line.startsWith('envoy_cluster_manager'),
  )
  expect(others).toEqual([])
})

/** By what they are followed in statistics. */
const NAMES = {
  '': [
    'plain',
    'a.b.c',
    'inbound|8080||',
    'outbound|80||ratings',
    'outbound|80||reviews.default.svc.cluster.local',
    'outbound|80|v1.2|reviews.test',
    'outbound|80||my_service.a_b.test_c',
    'outbound|80||lb.lb_x.update_y.membership_z.test',
    'outbound|80||upstream_api.upstream_rq.test',
    'outbound|80||version.http2.ssl.zone.default',
    'outbound|80||circuit_breakers.outlier_detection.health_check',
    'outbound|6379||cache.redis',
    'outbound|80||x.default.total_match_count.test',
  ],
  // The compiler's: they end themselves, and may look like anything.
  ';': [
    'PassthroughCluster',
    'inbound|8080||',
    'default|127.0.0.1_8080',
    'outbound|1||a',
    'outbound|80||ratings',
    'outbound|80|v1.2|reviews.default.svc.cluster.local',
    'outbound|80||my_service.a_b.test_c',
    'outbound|80||upstream_api.upstream_rq.upstream_rq_time',
    'outbound|80||version.http2.ssl.zone.default',
    'outbound|80||circuit_breakers.default',
    'outbound|80||circuit_breakers.outlier_detection.health_check',
    'outbound|80||app.internal',
    'outbound|80||app.external',
    'outbound|80||app.canary',
    'outbound|80||app.zone.here.there',
    'outbound|9090||app.thrift',
    'outbound|6379||cache.redis',
    'outbound|80||x.default.total_match_count',
    'outbound|443||ssl.certificate.x',
    ...Array.from({ length: 20 }, (_, length) => `outbound|80||${'a'.repeat(length)}.${'b'.repeat(20 - length)}`),
  ],
} as const

test.each(Object.entries(NAMES))(
  'no statistic of a cluster ends its name too early or too late, whatever its labels look like: followed by "%s"',
  async (end, names) => {
    const here = { socket_address: { address: '127.0.0.1', port_value: 9 } }
    const http2 = {
      '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
      explicit_http_config: { http2_protocol_options: {} },
    }
    const envoy = await startEnvoy({
      bootstrap: {
        stats_config: { use_all_default_tags: false, stats_tags: STATS_TAGS },
        static_resources: {
          clusters: names.map((name) => ({
            name,
            ...(end && { alt_stat_name: `${name}${end}` }),
            type: 'STATIC',
            outlier_detection: {},
            health_checks: [
              { timeout: '1s', interval: '60s', unhealthy_threshold: 1, healthy_threshold: 1, tcp_health_check: {} },
            ],
            circuit_breakers: { thresholds: [{ track_remaining: true }] },
            load_balancing_policy: {
              policies: [
                {
                  typed_extension_config: {
                    name: 'maglev',
                    typed_config: {
                      '@type': 'type.googleapis.com/envoy.extensions.load_balancing_policies.maglev.v3.Maglev',
                    },
                  },
                },
              ],
            },
            typed_extension_protocol_options: { 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': http2 },
            load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address: here } }] }] },
          })),
        },
      },
    })
    const flat = (await envoy.admin('/stats')).split('\n').map((line) => line.slice(0, line.lastIndexOf(': ')))
    const tailsOf = (name: string) =>
      flat
        .filter((stat) => stat.startsWith(`cluster.${name}${end}.`))
        .map((stat) => stat.slice(`cluster.${name}${end}.`.length))
    const samples = (await envoy.admin('/stats/prometheus'))
      .split('\n')
      .map((line) => /^envoy_cluster_(\w+)\{(.*)\} /.exec(line))
      .filter((sample) => sample !== null)
      .filter(([, metric]) => !metric!.startsWith('manager_'))
      .map(([, metric, labels]) => ({ metric: metric!, cluster: /envoy_cluster_name="([^"]*)"/.exec(labels!)?.[1] }))
    const metricsOf = (name: string) =>
      samples.filter(({ cluster }) => cluster === name).map(({ metric }) => withoutKind(metric))
    for (const name of names) {
      const tails = new Set(tailsOf(name).map((tail) => withoutKind(tail.replace(/\W/g, '_'))))
      tails.delete('version_text') // text, which Prometheus has no metric for
      expect(tails.size, name).toBeGreaterThan(100)
      expect(new Set(metricsOf(name)), name).toEqual(tails)
    }
    expect(new Set(samples.map(({ cluster }) => cluster))).toEqual(new Set(names))
  },
)

/** A histogram is one statistic and three metrics. */
function withoutKind(metric: string): string {
  return metric.replace(/_(?:bucket|sum|count)$/, '')
}
