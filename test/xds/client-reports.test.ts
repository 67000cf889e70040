import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { Client, credentials } from '@grpc/grpc-js'
import { Registry } from 'prom-client'
import { beforeAll, describe, expect, it } from 'vitest'
import { envoyBootstrap } from '../../controlplane/bootstrap/envoy.ts'
import { createReports, type MissingCluster } from '../../controlplane/reports/index.ts'
import { ClientResourceStatus } from '../../proto/gen/envoy/admin/v3/config_dump_shared_pb.ts'
import {
  type ClientConfig,
  ClientStatusRequestSchema,
  ClientStatusResponseSchema,
  ConfigStatus,
} from '../../proto/gen/envoy/service/status/v3/csds_pb.ts'
import { TYPE_URL } from '../../proto/types.ts'
import { ask } from '../envoy/http-mesh.ts'
import { type ControlPlane, startControlPlane } from '../helpers/control-plane.ts'
import { startEcho, startTcpEcho, type Upstream } from '../helpers/echo.ts'
import { startEnvoy } from '../helpers/envoy.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { meshSettings, serviceAt } from '../helpers/mesh-yaml.ts'
import { freePort } from '../helpers/ports.ts'

/** Access logs that a real Envoy sends, and what tools learn about it. */

const metrics = new Registry()
const reports = createReports({ status: () => controlPlane.server.status, metrics })
const NODE = 'sidecar~127.0.0.1~shop-7d4b.default~default.svc.cluster.local'
const REVIEWS = 'outbound|80||reviews.default.svc.cluster.local'

let upstream: Upstream
let controlPlane: ControlPlane
let port: number
let stray: number
let tcpPort: number

/** A route to a cluster nobody has, as an on-demand proxy meets one. */
const strayListener = () => `
apiVersion: meshgate.io/v1
kind: EnvoyResource
metadata: {name: stray}
spec:
  listeners:
  - name: stray
    address: {socketAddress: {address: 127.0.0.1, portValue: ${stray}}}
    filterChains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typedConfig:
          '@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          statPrefix: stray
          accessLog:
          - name: envoy.access_loggers.http_grpc
            filter: {responseFlagFilter: {flags: [NC]}}
            typedConfig:
              '@type': type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig
              commonConfig:
                logName: http
                transportApiVersion: V3
                grpcService: {envoyGrpc: {clusterName: xds-grpc}}
          httpFilters:
          - name: envoy.filters.http.router
            typedConfig: {'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
          routeConfig:
            validateClusters: false
            virtualHosts:
            - name: all
              domains: ['*']
              routes:
              - {name: to-nowhere, match: {prefix: /}, route: {cluster: nowhere}}
`

const documents = (more = '') => `
${meshSettings('trafficReports: true')}
${serviceAt('reviews', [upstream])}
${serviceAt('db', [tcp], `{number: ${tcpPort}, name: tcp, protocol: TCP}`)}
---
${strayListener()}
---
${more}`

let tcp: Upstream

beforeAll(async () => {
  upstream = await startEcho('reviews')
  tcp = await startTcpEcho('db', { greeting: 'hello' })
  port = await freePort()
  stray = await freePort()
  tcpPort = await freePort()
  controlPlane = await startControlPlane(documents(), { services: reports.services })
  await startEnvoy({
    bootstrap: envoyBootstrap({
      node: { id: NODE, metadata: { HTTP_PROXY_PORT: port, LABELS: { app: 'shop' } } },
      xds: { host: '127.0.0.1', port: controlPlane.port },
    }),
  })
})

const edge = (cluster: string) => reports.access.allEdges().find((one) => one.cluster === cluster)

describe('access logs of Envoy', () => {
  it('count requests per caller and cluster, by status class', async () => {
    for (let request = 0; request < 10; request++) await ask(port, 'reviews')
    await ask(port, 'reviews', '/', { headers: { 'x-echo-status': '404' } })
    await ask(port, 'reviews', '/', { headers: { 'x-echo-status': '503', 'x-envoy-max-retries': '0' } })
    await comesTrue(() => edge(REVIEWS)?.requests === 12, '12 requests')
    expect(edge(REVIEWS)).toMatchObject({
      caller: { workload: 'shop', namespace: 'default' },
      statuses: { '2xx': 10, '4xx': 1, '5xx': 1 },
      recent: { requests: 12, errors: 1 },
    })
    expect(edge(REVIEWS)!.durationMs).toBeGreaterThan(0)
  })

  it('count TCP connections and their bytes', async () => {
    const cluster = `outbound|${tcpPort}||db.default.svc.cluster.local`
    const { connect } = await import('node:net')
    await new Promise<void>((resolve, reject) => {
      const socket = connect(tcpPort, '127.0.0.1')
      socket.once('data', () => socket.end())
      socket.once('close', () => resolve())
      socket.once('error', reject)
    })
    await comesTrue(() => edge(cluster)?.connections === 1, 'one connection')
    expect(edge(cluster)).toMatchObject({ requests: 0, sent: 5 })
  })

  it('tell of a request for a cluster the proxy does not have, by the name of the route', async () => {
    const missing: MissingCluster[] = []
    const stop = reports.access.onMissingCluster((one) => missing.push(one))
    expect((await ask(stray, 'any')).status).toBe(503)
    await comesTrue(() => missing.length > 0, 'one missing')
    stop()
    expect(missing).toMatchObject([{ node: { id: NODE }, request: { routeName: 'to-nowhere', port: 0 } }])
    expect(edge('')).toMatchObject({ flags: { NC: 1 }, statuses: { '5xx': 1 } })
  })
})

describe('client status', () => {
  const bytes = (value: Uint8Array) => Buffer.from(value)
  async function fetchStatus(request: Parameters<typeof create<typeof ClientStatusRequestSchema>>[1] = {}) {
    const client = new Client(`127.0.0.1:${controlPlane.port}`, credentials.createInsecure())
    try {
      return await new Promise<readonly ClientConfig[]>((resolve, reject) => {
        client.makeUnaryRequest(
          '/envoy.service.status.v3.ClientStatusDiscoveryService/FetchClientStatus',
          (one: Uint8Array) => bytes(one),
          (answer: Buffer) => fromBinary(ClientStatusResponseSchema, answer).config,
          toBinary(ClientStatusRequestSchema, create(ClientStatusRequestSchema, request)),
          (error, answer) => (error ? reject(error) : resolve(answer!)),
        )
      })
    } finally {
      client.close()
    }
  }

  it('tells what a client has: each resource with its version, contents and state', async () => {
    await controlPlane.synced()
    const [found, ...others] = await fetchStatus()
    expect(others).toEqual([])
    expect(found!.node!.id).toBe(NODE)
    const cluster = found!.genericXdsConfigs.find(({ name, typeUrl }) => name === REVIEWS && typeUrl === TYPE_URL.cds)!
    expect(cluster).toMatchObject({
      configStatus: ConfigStatus.SYNCED,
      clientStatus: ClientResourceStatus.ACKED,
      xdsConfig: { typeUrl: TYPE_URL.cds },
    })
    expect(cluster.versionInfo).toMatch(/^[0-9a-f]{16}$/)
    expect(new Set(found!.genericXdsConfigs.map(({ typeUrl }) => typeUrl))).toEqual(
      new Set([TYPE_URL.cds, TYPE_URL.eds, TYPE_URL.lds, TYPE_URL.rds]),
    )
  })

  it('leaves contents out, and nodes that were not asked for', async () => {
    const found = await fetchStatus({
      excludeResourceContents: true,
      nodeMatchers: [{ nodeId: { matchPattern: { case: 'prefix', value: 'sidecar~' } } }],
    })
    expect(found[0]!.genericXdsConfigs.some(({ xdsConfig }) => xdsConfig !== undefined)).toBe(false)
    const nodeMatchers = [{ nodeId: { matchPattern: { case: 'exact' as const, value: 'other' } } }]
    expect(await fetchStatus({ nodeMatchers })).toEqual([])
  })

  it('says which matchers it does not know', async () => {
    const nodeMatchers = [
      {
        nodeId: { matchPattern: { case: 'safeRegex' as const, value: { regex: '(' } } },
      },
    ]
    await expect(fetchStatus({ nodeMatchers })).rejects.toThrow(/INVALID_ARGUMENT: "\(" is no regular expression/)
  })

  it('shows what the client refused, with its words', async () => {
    controlPlane.commit(
      documents(`
apiVersion: meshgate.io/v1
kind: EnvoyResource
metadata: {name: clash}
spec:
  listeners:
  - name: clash
    address: {socketAddress: {address: 127.0.0.1, portValue: ${port}}}
    filterChains:
    - filters:
      - name: tcp
        typedConfig:
          '@type': type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
          statPrefix: clash
          cluster: BlackHoleCluster
`),
    )
    await comesTrue(async () => {
      const [found] = await fetchStatus({ excludeResourceContents: true })
      return found!.genericXdsConfigs.some(({ clientStatus }) => clientStatus === ClientResourceStatus.NACKED)
    }, 'refusal')
    const [found] = await fetchStatus()
    const refused = found!.genericXdsConfigs.find(({ name }) => name === 'clash')!
    expect(refused).toMatchObject({ configStatus: ConfigStatus.ERROR, typeUrl: TYPE_URL.lds })
    expect(refused.errorState!.details).toMatch(/clash/)
  })

  it('is counted: questions by how they ended, and who asks over a stream', async () => {
    const before = await counted()
    await fetchStatus()
    const nodeMatchers = [{ nodeId: { matchPattern: { case: 'safeRegex' as const, value: { regex: '(' } } } }]
    await expect(fetchStatus({ nodeMatchers })).rejects.toThrow(/INVALID_ARGUMENT/)
    const client = new Client(`127.0.0.1:${controlPlane.port}`, credentials.createInsecure())
    const call = client.makeBidiStreamRequest(
      '/envoy.service.status.v3.ClientStatusDiscoveryService/StreamClientStatus',
      bytes,
      (answer: Buffer) => fromBinary(ClientStatusResponseSchema, answer).config,
    )
    const told = new Promise<Error>((resolve) => call.on('error', resolve))
    const answers: unknown[] = []
    call.on('data', (answer) => answers.push(answer))
    call.write(Buffer.alloc(0))
    await comesTrue(() => answers.length === 1, 'an answer on the stream')
    expect(await counted()).toEqual({
      ...before,
      answered: before.answered! + 2,
      invalid: before.invalid! + 1,
      streams: 1,
    })
    call.write(Buffer.from([0xff]))
    expect((await told).message).toMatch(/INVALID_ARGUMENT: the request is no ClientStatusRequest/)
    await comesTrue(async () => (await counted()).streams === 0, 'the stream is gone')
    expect(await counted()).toMatchObject({ invalid: before.invalid! + 2, failed: 0 })
    client.close()
  })

  async function counted(): Promise<Record<string, number>> {
    const text = await metrics.metrics()
    const lines = text.matchAll(/^meshgate_client_status_(?:requests_total\{result="(\w+)"\}|(streams)) (\d+)$/gm)
    return Object.fromEntries([...lines].map(([, result, streams, value]) => [result ?? streams, Number(value)]))
  }
})
