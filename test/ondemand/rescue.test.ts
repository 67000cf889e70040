import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createReports } from '../../controlplane/reports/index.ts'
import { ask } from '../envoy/http-mesh.ts'
import { startEcho } from '../helpers/echo.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { serviceAt } from '../helpers/mesh-yaml.ts'
import { freePort } from '../helpers/ports.ts'
import { type LazyEnvoy, services, startLazyEnvoy, startPlane, virtualService } from './bed.ts'

/** A listener somebody wrote, with the routes of the mesh and nothing that asks for clusters: every cold request fails. */
const deaf = (port: number) => `---
apiVersion: meshgate.io/v1
kind: EnvoyResource
metadata: {name: deaf}
spec:
  listeners:
  - name: deaf
    address: {socket_address: {address: 127.0.0.1, port_value: ${port}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          '@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: deaf
          rds: {route_config_name: http_proxy, config_source: {ads: {}, resource_api_version: V3}}
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
          access_log:
          - name: envoy.access_loggers.http_grpc
            filter: {response_flag_filter: {flags: [NC]}}
            typed_config:
              '@type': type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig
              common_config:
                log_name: http
                transport_api_version: V3
                buffer_flush_interval: 0.1s
                grpc_service: {envoy_grpc: {cluster_name: xds-grpc}}
`

/** The same for connections, on another address than that of the mesh. */
const deafTcp = (port: number, cluster: string) => ({
  name: 'deaf-tcp',
  address: { socket_address: { address: '127.0.0.2', port_value: port } },
  filter_chains: [
    {
      filters: [
        {
          name: 'envoy.filters.network.tcp_proxy',
          typed_config: {
            '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
            stat_prefix: 'deaf',
            cluster,
            access_log: [
              {
                name: 'envoy.access_loggers.tcp_grpc',
                filter: { response_flag_filter: { flags: ['NC'] } },
                typed_config: {
                  '@type': 'type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig',
                  common_config: {
                    log_name: 'tcp',
                    transport_api_version: 'V3',
                    buffer_flush_interval: '0.1s',
                    grpc_service: { envoy_grpc: { cluster_name: 'xds-grpc' } },
                  },
                },
              },
            ],
          },
        },
      ],
    },
  ],
})

test('a request or a connection that failed because its cluster was missing brings the cluster, and what belongs to it', async () => {
  const one = await startEcho('one')
  const port = await freePort()
  const split = virtualService(
    'svc3.test',
    '[{route: [{destination: {host: svc3.test}, weight: 50}, {destination: {host: svc4.test}, weight: 50}]}]',
  )
  const byPath = virtualService(
    'svc5.test',
    '[{name: left, match: [{uri: {prefix: /left}}], route: [{destination: {host: svc5.test}}]}, {name: right, route: [{destination: {host: svc6.test}}]}]',
  )
  const dbPort = await freePort()
  const db = serviceAt('db.test', [one], `{number: ${dbPort}, name: tcp, protocol: TCP}`)
  const dbCluster = `outbound|${dbPort}||db.test`
  const reports = createReports()
  const plane = await startPlane(services(20, one) + split + byPath + db + deaf(port), { services: reports.services })
  reports.access.onMissingCluster(({ node, request }) => plane.server.rescue(node.id, request))
  const envoy = await startLazyEnvoy(plane.port, { listeners: [deafTcp(dbPort, dbCluster)] })
  expect((await ask(port, 'svc7.test')).status).toBe(503)
  await comesTrue(async () => (await ask(port, 'svc7.test')).status === 200, 'rescued')
  expect((await ask(port, 'svc3.test')).status).toBe(503)
  await comesTrue(async () => (await envoy.clusters()).length === 3, 'rescued')
  expect(await envoy.clusters()).toEqual(['outbound|80||svc3.test', 'outbound|80||svc4.test', 'outbound|80||svc7.test'])
  expect((await ask(port, 'svc5.test', '/left')).status).toBe(503)
  await comesTrue(async () => (await ask(port, 'svc5.test', '/left')).status === 200, 'rescued')
  expect(await envoy.clusters()).not.toContain('outbound|80||svc6.test')
  const connect = () =>
    fetch(`http://127.0.0.2:${dbPort}/`)
      .then(({ status }) => status)
      .catch(() => 'closed')
  expect(await connect()).toBe('closed')
  await comesTrue(async () => (await connect()) === 200, 'rescued')
  expect(await envoy.clusters()).toContain(dbCluster)
  expect(await envoy.rejected()).toEqual({})
})

test('a service that shares its virtual host with hundreds of others is found by the authority', async () => {
  const one = await startEcho('one')
  const port = await freePort()
  const reports = createReports()
  const plane = await startPlane(services(600, one) + deaf(port), { services: reports.services })
  reports.access.onMissingCluster(({ node, request }) => plane.server.rescue(node.id, request))
  const envoy = await startLazyEnvoy(plane.port)
  for (const host of ['svc7.test', 'svc8.test:80']) {
    expect((await ask(port, host)).status).toBe(503)
    await comesTrue(async () => (await ask(port, host)).status === 200, 'rescued')
  }
  expect(await envoy.clusters()).toEqual(['outbound|80||svc7.test', 'outbound|80||svc8.test'])
  expect(await envoy.rejected()).toEqual({})
})

test('the listener of the mesh tells of such requests, and of no others; not where a bootstrap cannot report', async () => {
  const one = await startEcho('one')
  const reports = createReports()
  const plane = await startPlane(services(3, one), { services: reports.services })
  const tells = async (envoy: LazyEnvoy) =>
    JSON.stringify((await envoy.configDump())['ListenersConfigDump']).includes(
      '"response_flag_filter":{"flags":["NC"]}',
    )
  const envoy = await startLazyEnvoy(plane.port)
  expect(await tells(envoy)).toBe(true)
  expect((await ask(envoy.httpPort, 'svc0.test')).status).toBe(200)
  await sleep(1500)
  expect(reports.access.entries).toBe(0)
  expect(await tells(await startLazyEnvoy(plane.port, { name: 'other', reports: false }))).toBe(false)
  expect(await envoy.rejected()).toEqual({})
})
