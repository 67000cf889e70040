import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startEcho, type Upstream } from '../helpers/echo.ts'
import { serviceAt } from '../helpers/mesh-yaml.ts'
import { freePorts } from '../helpers/ports.ts'
import { ask, type HttpMesh, MODES, startHttpMesh } from './http-mesh.ts'

/** One port of loopback as the only way out, and one as the way in. */
describe.each(MODES)('HTTP through the listeners of a Sidecar, %s', (mode) => {
  let mesh: HttpMesh
  let ports: { http: number; egress: number; ingress: number }
  let shop: Upstream
  let hidden: Upstream
  let outside: Upstream

  beforeAll(async () => {
    const [free, ...upstreams] = await Promise.all([
      freePorts(3),
      startEcho('shop'),
      startEcho('hidden'),
      startEcho('outside'),
    ])
    ;[shop, hidden, outside] = upstreams as [Upstream, Upstream, Upstream]
    const [http, egress, ingress] = free as [number, number, number]
    ports = { http, egress, ingress }
    mesh = await startHttpMesh({
      mode,
      id: 'sidecar~127.0.0.1~web.default~default.svc.cluster.local',
      metadata: { HTTP_PROXY_PORT: http },
      yaml: `
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: default}
spec:
  ingress: [{port: {number: ${ingress}, protocol: HTTP, name: in}, bind: 127.0.0.1, defaultEndpoint: "127.0.0.1:${shop.port}"}]
  egress:
  - {port: {number: ${egress}, protocol: HTTP, name: out}, hosts: ["./*"]}
  - {hosts: ["./shop.default.svc.cluster.local"]}
  outboundTrafficPolicy: {mode: ALLOW_ANY}
${serviceAt('shop', [shop])}
${serviceAt('hidden', [hidden], `{number: ${egress}, name: http, protocol: HTTP}`)}
`,
    })
  })
  afterAll(() => mesh.stop())

  it('the HTTP port serves the hosts of the listener without a port', async () => {
    expect((await ask(ports.http, 'shop')).upstream).toBe('shop')
  })

  it('a listener with a port serves the services that have it, whatever port the caller names', async () => {
    expect((await ask(ports.egress, 'hidden')).upstream).toBe('hidden')
    expect((await ask(ports.egress, `hidden.default:${ports.egress}`)).upstream).toBe('hidden')
    expect((await ask(ports.egress, 'hidden:1')).upstream).toBe('hidden')
  })

  it('with ALLOW_ANY an unknown host is taken at its word', async () => {
    expect((await ask(ports.http, `127.0.0.1:${outside.port}`)).upstream).toBe('outside')
    expect((await ask(ports.http, `localhost:${outside.port}`)).upstream).toBe('outside')
  })

  it('what comes in goes to the workload, whatever the host, as long as it takes', async () => {
    const answer = await ask(ports.ingress, 'anything.test', '/path', { method: 'POST', body: 'x' })
    expect(answer.seen).toMatchObject({ name: 'shop', path: '/path', body: 'x', headers: { host: 'anything.test' } })
  })
})
