import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer, type Server } from 'node:net'
import { beforeAll, expect, test } from 'vitest'
import { OnDemandMemory, type Usage } from '../../controlplane/ondemand/index.ts'
import { ask } from '../envoy/http-mesh.ts'
import { startEcho, type Upstream } from '../helpers/echo.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { serviceAt } from '../helpers/mesh-yaml.ts'
import { freePorts } from '../helpers/ports.ts'
import { stopAfterTests } from '../helpers/processes.ts'
import { startLazyEnvoy, startPlane } from './bed.ts'

/** Clusters that stand in filters and access logs: Envoy uses them as they are, or fails, and asks for none of them. */

let one: Upstream
beforeAll(async () => {
  one = await startEcho('one')
})

const TCP = '{number: 9000, name: tcp, protocol: TCP}'
const http = (host: string) => `outbound|80||${host}.test`
const tcp = (host: string) => `outbound|9000||${host}.test`
const TYPE = "'@type': type.googleapis.com/envoy.extensions"

/** Listeners somebody wrote, whose filters name services of the mesh. */
const written = (ports: readonly number[]) => {
  const listener = (name: string, at: number, filter: string, config: string) => `
  - name: ${name}
    address: {socket_address: {address: 127.0.0.1, port_value: ${ports[at]}}}
    filter_chains:
    - filters:
      - name: ${filter}
        typed_config:
          ${config.trim().replaceAll('\n', '\n          ')}`
  return `---
apiVersion: meshgate.io/v1
kind: EnvoyResource
metadata: {name: filters}
spec:
  listeners:${listener(
    'guarded',
    0,
    'envoy.filters.network.http_connection_manager',
    `
${TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager
stat_prefix: guarded
rds: {route_config_name: http_proxy, config_source: {ads: {}, resource_api_version: V3}}
access_log:
- name: envoy.access_loggers.http_grpc
  typed_config:
    ${TYPE}.access_loggers.grpc.v3.HttpGrpcAccessLogConfig
    common_config: {log_name: http, transport_api_version: V3, grpc_service: {envoy_grpc: {cluster_name: '${http('logs')}'}}}
http_filters:
- name: envoy.filters.http.on_demand
  typed_config:
    ${TYPE}.filters.http.on_demand.v3.OnDemand
    odcds: {source: {ads: {}, resource_api_version: V3}, timeout: 5s}
- name: envoy.filters.http.ext_authz
  typed_config:
    ${TYPE}.filters.http.ext_authz.v3.ExtAuthz
    transport_api_version: V3
    http_service: {server_uri: {uri: authz.test, cluster: '${http('authz')}', timeout: 5s}}
- name: envoy.filters.http.ratelimit
  typed_config:
    ${TYPE}.filters.http.ratelimit.v3.RateLimit
    domain: edge
    rate_limit_service: {transport_api_version: V3, grpc_service: {envoy_grpc: {cluster_name: '${http('limits')}'}}}
- name: envoy.filters.http.router
  typed_config: {${TYPE}.filters.http.router.v3.Router}
`,
  )}${listener(
    'redis',
    1,
    'envoy.filters.network.redis_proxy',
    `
${TYPE}.filters.network.redis_proxy.v3.RedisProxy
stat_prefix: redis
settings: {op_timeout: 5s}
prefix_routes: {catch_all_route: {cluster: '${tcp('redis')}'}}
`,
  )}${listener(
    'thrift',
    2,
    'envoy.filters.network.thrift_proxy',
    `
${TYPE}.filters.network.thrift_proxy.v3.ThriftProxy
stat_prefix: thrift
route_config: {name: thrift, routes: [{match: {method_name: ''}, route: {cluster: '${tcp('thrift')}'}}]}
`,
  )}${listener(
    'dubbo',
    3,
    'envoy.filters.network.dubbo_proxy',
    `
${TYPE}.filters.network.dubbo_proxy.v3.DubboProxy
stat_prefix: dubbo
route_config: [{name: dubbo, interface: '*', routes: [{match: {method: {name: {safe_regex: {regex: '.*'}}}}, route: {cluster: '${tcp('dubbo')}'}}]}]
`,
  )}
`
}

/** Where the server listens on loopback until the tests are over. */
async function portOf(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  stopAfterTests(async () => server.close())
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

test('what filters and access logs name is there before the first request, Thrift, Dubbo and Redis too, and is never let go of', async () => {
  const asked: string[] = []
  const authz = await portOf(
    createServer((request, response) => {
      asked.push(String(request.headers.host))
      response.writeHead(request.url === '/closed' ? 403 : 200).end()
    }),
  )
  const redis = await portOf(createTcpServer((socket) => socket.on('data', () => socket.write('+kept\r\n'))))
  const ports = await freePorts(4)
  const named = [http('authz'), http('limits'), http('logs'), tcp('dubbo'), tcp('redis'), tcp('thrift')].sort()
  const unused: Usage = { reporting: () => true, lastUsed: () => 0 }
  const memory = new OnDemandMemory({ usage: unused, idleMs: () => 1, logger: { info: () => {}, warn: () => {} } })
  const plane = await startPlane(
    serviceAt('authz.test', [{ port: authz }]) +
      ['limits', 'logs', 'a', 'b'].map((name) => serviceAt(`${name}.test`, [one])).join('') +
      ['redis', 'thrift', 'dubbo'].map((name) => serviceAt(`${name}.test`, [{ port: redis }], TCP)).join('') +
      written(ports),
    { memory },
  )
  const envoy = await startLazyEnvoy(plane.port)
  expect(await envoy.clusters()).toEqual(named)
  expect(await ask(ports[0]!, 'a.test')).toMatchObject({ status: 200, upstream: 'one' })
  expect((await ask(ports[0]!, 'a.test', '/closed')).status).toBe(403)
  expect(asked).toHaveLength(2)
  const caller = connect(ports[1]!, '127.0.0.1')
  caller.write('*2\r\n$3\r\nGET\r\n$1\r\nk\r\n')
  expect(String((await once(caller, 'data'))[0])).toBe('+kept\r\n')
  caller.destroy()
  expect(await envoy.clusters()).toEqual([...named, http('a')].sort())
  expect(memory.sweep(plane.server.lazyProxies())).toBe(1)
  await comesTrue(async () => (await envoy.clusters()).length === named.length, 'the one nobody names is gone')
  expect(await envoy.clusters()).toEqual(named)
  expect(await ask(ports[0]!, 'b.test')).toMatchObject({ status: 200, upstream: 'one' })
  expect(await envoy.rejected()).toEqual({})
})
