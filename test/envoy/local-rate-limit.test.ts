import { beforeAll, describe, expect, it } from 'vitest'
import { envoyBootstrap } from '../../controlplane/bootstrap/envoy.ts'
import { type ControlPlane, startControlPlane } from '../helpers/control-plane.ts'
import { startEcho, type Upstream } from '../helpers/echo.ts'
import { startEnvoy, type TestEnvoy } from '../helpers/envoy.ts'
import { freePort } from '../helpers/ports.ts'
import { ask } from './http-mesh.ts'

/** RateLimit documents without `shared`: each real Envoy counts by itself, and there is no service. */

let upstream: Upstream
let plane: ControlPlane
const envoys: { readonly envoy: TestEnvoy; readonly port: number }[] = []

const service = (name: string) => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${name}}
spec:
  hosts: [${name}.default.svc.cluster.local]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 127.0.0.1, ports: {http: ${upstream.port}}}]
---`

const documents = (name: string, limits: string) => `${service('api')}${service('free')}
apiVersion: meshgate.io/v1
kind: RateLimit
metadata: {name: ${name}}
spec:
  hosts: [api]
  limits:
${limits}`

const BUCKET = 'tokenBucket: {maxTokens: 3, fillInterval: 1h}'

beforeAll(async () => {
  upstream = await startEcho('api')
  plane = await startControlPlane(documents('first', `  - {${BUCKET}}`))
  for (const name of ['one', 'two']) {
    const port = await freePort()
    const id = `sidecar~127.0.0.1~${name}.default~default.svc.cluster.local`
    const envoy = await startEnvoy({
      bootstrap: envoyBootstrap({
        node: { id, metadata: { HTTP_PROXY_PORT: port } },
        xds: { host: '127.0.0.1', port: plane.port },
      }),
    })
    envoys.push({ envoy, port })
  }
})

async function statuses(count: number, { envoy = 0, host = 'api', headers = {}, path = '/' } = {}) {
  const found: number[] = []
  for (let index = 0; index < count; index++)
    found.push((await ask(envoys[envoy]!.port, host, path, { headers })).status)
  return found
}

describe('limits that each Envoy counts by itself', () => {
  it('hold in each proxy, for their host only', async () => {
    expect(await statuses(5)).toEqual([200, 200, 200, 429, 429])
    expect(await statuses(4, { envoy: 1 })).toEqual([200, 200, 200, 429])
    expect(await statuses(5, { host: 'free' })).toEqual([200, 200, 200, 200, 200])
  })

  it('each value of a header has a bucket, requests without it share one; the address of a client is one too', async () => {
    await plane.apply(documents('per', `  - {per: [x-user, sourceIp], ${BUCKET}}`))
    for (const headers of [{ 'x-user': 'a' }, { 'x-user': 'b' }, {}])
      expect(await statuses(4, { headers })).toEqual([200, 200, 200, 429])
  })

  it('the first limit that matches counts, alone', async () => {
    await plane.apply(
      documents(
        'first-match',
        `  - {match: {':path': {prefix: /a}}, tokenBucket: {maxTokens: 1, fillInterval: 1h}}
  - {match: {x-free: 'yes'}, shadow: true, tokenBucket: {maxTokens: 1, fillInterval: 1h}}
  - {${BUCKET}}`,
      ),
    )
    expect(await statuses(2, { path: '/a', headers: { 'x-free': 'yes' } })).toEqual([200, 429])
    expect(await statuses(4, { path: '/b', headers: { 'x-free': 'yes' } })).toEqual([200, 200, 200, 200])
    expect(await statuses(4, { path: '/b' })).toEqual([200, 200, 200, 429])
  })

  it('buckets fill as often as they say, however short that is', async () => {
    await plane.apply(documents('fills', '  - {tokenBucket: {maxTokens: 1, tokensPerFill: 1, fillInterval: 7ms}}'))
    await expect.poll(() => statuses(1)).toEqual([200])
    await plane.apply(
      documents('fills-more', '  - {tokenBucket: {maxTokens: 2, tokensPerFill: 2, fillInterval: 1.3s}}'),
    )
    expect(await statuses(3)).toEqual([200, 200, 429])
    await expect.poll(() => statuses(1), { interval: 100 }).toEqual([200])
  })

  it('no Envoy refused any of it', async () => {
    for (const { envoy } of envoys) expect(await envoy.rejected()).toEqual({})
  })
})
