import { writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testCa } from '../helpers/certificates.ts'
import { startEcho } from '../helpers/echo.ts'
import { testFolder } from '../helpers/folders.ts'
import { rulesFor, serviceAt } from '../helpers/mesh-yaml.ts'
import { freePorts } from '../helpers/ports.ts'
import { ask, type HttpMesh, MODES, startHttpMesh } from './http-mesh.ts'

describe.each(MODES)('HTTP at a gateway, %s', (mode) => {
  let mesh: HttpMesh
  let folder: string
  let plain: number
  let secure: number
  let ca: Awaited<ReturnType<typeof testCa>>

  beforeAll(async () => {
    folder = testFolder('gateway')
    ca = await testCa()
    const own = await ca.issue('gateway', { dns: ['secure.test', 'other.test'] })
    const [certificate, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
    await Promise.all([writeFile(certificate, own.cert), writeFile(key, own.key)])
    const [ports, shop, blog] = await Promise.all([freePorts(2), startEcho('shop'), startEcho('blog')])
    ;[plain, secure] = ports as [number, number]
    const gateways = (names: string) => `gateways: [${names}]`
    const yaml = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: ingress}
spec:
  selector: {app: edge}
  servers:
  - {port: {number: ${plain}, name: http, protocol: HTTP}, bind: 127.0.0.1, hosts: ["*.shop.test", default/blog.test, other/foreign.test, "*.match.test"]}
  - {port: {number: ${plain}, name: http-secure, protocol: HTTP}, bind: 127.0.0.1, hosts: [secure.test, only-redirect.test], tls: {httpsRedirect: true}}
  - {port: {number: ${plain}, name: http-rest, protocol: HTTP}, bind: 127.0.0.1, hosts: ["*.rest.test"], defaultEndpoint: "127.0.0.1:${blog.port}"}
  - {port: {number: ${secure}, name: https, protocol: HTTPS}, bind: 127.0.0.1, hosts: [secure.test], tls: {mode: SIMPLE, serverCertificate: ${certificate}, privateKey: ${key}}}
  - {port: {number: ${secure}, name: https-other, protocol: HTTPS}, bind: 127.0.0.1, hosts: [other.test], tls: {mode: SIMPLE, serverCertificate: ${certificate}, privateKey: ${key}}}
${serviceAt('shop', [shop])}
${serviceAt('blog', [blog])}
${rulesFor('www.shop.test', '- route: [{destination: {host: shop}}]', gateways('ingress/edge'))}
${rulesFor('some.rest.test', '- match: [{uri: {prefix: /shop}}]\n  route: [{destination: {host: shop}}]', gateways('ingress/edge'))}
${rulesFor('blog.test', '- route: [{destination: {host: blog}}]', gateways('ingress/edge'))}
${rulesFor('foreign.test', '- route: [{destination: {host: blog}}]', gateways('ingress/edge'))}
${rulesFor('inside.shop.test', '- route: [{destination: {host: shop}}]')}
${rulesFor('secure.test', '- route: [{destination: {host: shop}}]', gateways('ingress/edge'))}
${rulesFor('other.test', '- redirect: {uri: /new, derivePort: FROM_REQUEST_PORT}', gateways('ingress/edge'))}
${rulesFor('first.match.test', '- route: [{destination: {host: shop}}]', gateways('ingress/edge'))}
${rulesFor('first.match.test, second.match.test', '- match: [{uri: {prefix: /blog}}]\n  route: [{destination: {host: blog}}]', gateways('ingress/edge'), 'added')}
${rulesFor('both.match.test', '- match: [{gateways: [mesh]}]\n  directResponse: {status: 290}\n- match: [{gateways: [ingress/edge], sourceLabels: {never: there}}]\n  directResponse: {status: 291}', gateways('mesh, ingress/edge'))}
${rulesFor('port.match.test', `- match: [{port: ${plain}}]\n  directResponse: {status: 292}\n- directResponse: {status: 293}`, gateways('ingress/edge'))}
`
    mesh = await startHttpMesh({
      mode,
      yaml,
      id: 'router~127.0.0.1~edge.ingress~ingress.svc.cluster.local',
      metadata: { LABELS: { app: 'edge' } },
    })
  })
  afterAll(async () => {
    await mesh.stop()
  })

  it.each([
    ['www.shop.test', '/', 'shop'],
    ['WWW.shop.test:1234', '/', 'shop'],
    ['blog.test', '/', 'blog'],
    ['first.match.test', '/', 'shop'],
    ['first.match.test', '/blog', 'blog'],
    ['second.match.test', '/blog', 'blog'],
    ['second.match.test', '/', 404],
    ['both.match.test', '/', 291],
    ['port.match.test', '/', 292],
    ['some.rest.test', '/shop', 'shop'],
    // What no rule takes goes to the server's defaultEndpoint.
    ['some.rest.test', '/', 'blog'],
    ['any.rest.test', '/', 'blog'],
  ])('%s%s is for %s', async (host, path, expected) => {
    const { upstream, status } = await ask(plain, host, path)
    expect(upstream ?? status).toBe(expected)
  })

  it.each([
    ['a host the server does not expose', 'shop.test'],
    ['a host exposed to another namespace', 'foreign.test'],
    ['a rule that is not for the gateway', 'inside.shop.test'],
    ['a host of another server', 'other.test'],
    ['a service of the mesh', 'shop.default.svc.cluster.local'],
  ])('%s is not found', async (_what, host) => {
    expect((await ask(plain, host)).status).toBe(404)
  })

  it.each(['secure.test', 'only-redirect.test'])('plain HTTP for %s is redirected to https', async (host) => {
    const { status, headers } = await ask(plain, host, '/a?b=c')
    expect([status, headers['location']]).toEqual([301, `https://${host}/a?b=c`])
  })

  const askSecure = (servername: string, host = servername) =>
    new Promise<{ status: number | undefined; upstream: unknown; location: string | undefined }>((resolve, reject) => {
      const options = {
        host: '127.0.0.1',
        port: secure,
        ca: ca.cert,
        servername,
        headers: { host },
        agent: false as const,
      }
      const call = request(options, (response) => {
        const { statusCode: status, headers } = response
        response.resume()
        response.on('end', () => resolve({ status, upstream: headers['x-echo-name'], location: headers['location'] }))
      })
      call.on('error', reject)
      call.end()
    })

  it('each server behind TLS serves its own hosts', async () => {
    expect(await askSecure('secure.test')).toMatchObject({ status: 200, upstream: 'shop' })
    expect(await askSecure('secure.test', 'other.test')).toMatchObject({ status: 404 })
    expect(await askSecure('other.test')).toMatchObject({
      status: 301,
      location: `https://other.test:${secure}/new`,
    })
  })
})
