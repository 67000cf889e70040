import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Client, credentials } from '@grpc/grpc-js'
import { expect, it } from 'vitest'
import { createLog } from '../../cli/run/log.ts'
import { startRateLimitServer } from '../../cli/run/ratelimit.ts'
import { envoyBootstrap } from '../../controlplane/bootstrap/envoy.ts'
import { testCa } from '../helpers/certificates.ts'
import { startControlPlane } from '../helpers/control-plane.ts'
import { startEcho } from '../helpers/echo.ts'
import { startEnvoy } from '../helpers/envoy.ts'
import { testFolder } from '../helpers/folders.ts'
import { freePort } from '../helpers/ports.ts'
import { stopAfterTests } from '../helpers/processes.ts'
import { ask } from './http-mesh.ts'

async function certificates() {
  const folder = testFolder('limits-tls')
  const ca = await testCa()
  const file = async (name: string, text: string) => {
    await writeFile(join(folder, name), text)
    return join(folder, name)
  }
  const [server, client] = await Promise.all([
    ca.issue('limits', { ip: ['127.0.0.1'], dns: ['localhost'] }),
    ca.issue('proxy', {}),
  ])
  const clientCa = await file('ca.pem', ca.cert)
  return {
    tls: { cert: await file('server.pem', server.cert), key: await file('server.key', server.key), clientCa },
    spec: `rateLimitServiceTls: {mode: MUTUAL, caCertificates: ${clientCa}, clientCertificate: ${await file('client.pem', client.cert)}, privateKey: ${await file('client.key', client.key)}}`,
    ca: ca.cert,
  }
}

const WAYS = [
  ['without TLS', async () => undefined],
  ['with certificates of both', certificates],
] as const

it.each(WAYS)(
  'a service of its own answers Envoy %s, follows its folder, and is not asked where no limit is',
  async (_, secure) => {
    const folder = testFolder('limits')
    const secured = await secure()
    const upstream = await startEcho('api')
    const limit = (tokens: number) => `
apiVersion: meshgate.io/v1
kind: RateLimit
metadata: {name: api}
spec:
  shared: true
  hosts: [api]
  limits:
  - per: [x-user]
    tokenBucket: {maxTokens: ${tokens}, fillInterval: 1h}
`
    await writeFile(join(folder, 'limits.yaml'), limit(2))
    const service = await startRateLimitServer(
      {
        folder,
        listen: { host: '127.0.0.1', port: 0 },
        metrics: { host: '127.0.0.1', port: 0 },
        redis: undefined,
        insecure: false,
        tls: secured?.tls,
      },
      createLog({ logLevel: 'silent', logFormat: 'json' }, process.stderr),
    )
    stopAfterTests(() => service.stop())
    const plane = await startControlPlane(`
apiVersion: meshgate.io/v1
kind: Mesh
metadata: {name: mesh}
spec:
  rateLimitService: 127.0.0.1:${service.port}
  ${secured?.spec ?? ''}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: api}
spec:
  hosts: [api.default.svc.cluster.local, free.default.svc.cluster.local]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 127.0.0.1, ports: {http: ${upstream.port}}}]
---
${limit(2)}`)
    const port = await freePort()
    const node = {
      id: 'sidecar~127.0.0.1~one.default~default.svc.cluster.local',
      metadata: { HTTP_PROXY_PORT: port },
    }
    await startEnvoy({ bootstrap: envoyBootstrap({ node, xds: { host: '127.0.0.1', port: plane.port } }) })
    const statuses = async (host: string, user: string, count: number) => {
      const found: number[] = []
      for (let index = 0; index < count; index++)
        found.push((await ask(port, host, '/', { headers: { 'x-user': user } })).status)
      return found
    }
    // The first call opens the connection to the service, and may be late.
    let user = 0
    await expect.poll(() => statuses('api', `user-${user++}`, 3)).toEqual([200, 200, 429])
    expect(await statuses('free', 'a', 3)).toEqual([200, 200, 200])

    await writeFile(join(folder, 'limits.yaml'), limit(1))
    await expect.poll(() => statuses('api', `user-${user++}`, 2)).toEqual([200, 429])
    const metrics = await (await fetch(`${service.metricsUrl}/metrics`)).text()
    expect(metrics).toMatch(/meshgate_ratelimit_hits_total\{rule="default\/api\/0",outcome="over_limit"\} [1-9]/)
    expect((await fetch(`${service.metricsUrl}/healthz/ready`)).status).toBe(200)
    if (!secured) return
    const stranger = new Client(`127.0.0.1:${service.port}`, credentials.createSsl(Buffer.from(secured.ca)), {
      'grpc.ssl_target_name_override': 'localhost',
    })
    await expect(promisify(stranger.waitForReady.bind(stranger))(Date.now() + 1_500)).rejects.toThrow()
    stranger.close()
  },
)

it('an address that everybody can reach is refused', async () => {
  const log = createLog({ logLevel: 'silent', logFormat: 'json' }, process.stderr)
  const open = { host: '0.0.0.0', port: 0 }
  const options = { folder: '.', listen: open, metrics: open, redis: undefined, insecure: false }
  await expect(startRateLimitServer(options, log)).rejects.toThrow(/everybody who reaches 0.0.0.0:0/)
})
