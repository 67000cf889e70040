import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ServerCredentials } from '@grpc/grpc-js'
import { beforeAll, beforeEach, describe, expect, it, type TestContext } from 'vitest'
import { grpcBootstrap } from '../../controlplane/bootstrap/grpc.ts'
import { testCa } from '../helpers/certificates.ts'
import { type ControlPlane, startControlPlane } from '../helpers/control-plane.ts'
import { callWith, grpcBackend, pythonGrpc, serverProgram } from '../helpers/grpc-programs.ts'
import { asVersion, type Place, serviceAt, versionsOf } from '../helpers/mesh-yaml.ts'
import { freePort, portOpen } from '../helpers/ports.ts'
import { spawnForTest } from '../helpers/processes.ts'
import { requireTool } from '../helpers/tools.ts'

/** gRPC libraries as clients without a proxy. They refuse what Envoy forgives: a locality without weight, a filter chain without router. */

const LIBRARIES = ['grpcio', 'grpc-js'] as const

let v1: Awaited<ReturnType<typeof grpcBackend>>
let v2: Awaited<ReturnType<typeof grpcBackend>>
let controlPlane: ControlPlane

const yaml = (rules: string, places: readonly Place[] = [asVersion(v1, 'v1'), asVersion(v2, 'v2')]) =>
  serviceAt('echo', places, '{number: 50051, name: grpc, protocol: GRPC}') +
  versionsOf('echo', ['v1', 'v2'], 'trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}') +
  `---${rules}`

const SPLIT = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: echo}
spec:
  hosts: [echo]
  http:
  - match: [{headers: {x-user: {exact: jason}}}]
    route: [{destination: {host: echo, subset: v2}}]
  - route:
    - {destination: {host: echo, subset: v1}, weight: 80}
    - {destination: {host: echo, subset: v2}, weight: 20}`

beforeAll(async () => {
  v1 = await grpcBackend('v1')
  v2 = await grpcBackend('v2')
  controlPlane = await startControlPlane(yaml(SPLIT))
})

const own = (locality?: { region: string; zone: string }) => ({
  node: { id: 'sidecar~127.0.0.1~client.default~default.svc.cluster.local', ...(locality && { locality }) },
  xds: { host: '127.0.0.1', port: controlPlane.port },
})
const bootstrap = (locality?: { region: string; zone: string }) => grpcBootstrap(own(locality))

/** Skips where this machine cannot run the library. */
const requireLibrary = async (context: Pick<TestContext, 'skip'>, library: (typeof LIBRARIES)[number]) =>
  requireTool(context, library, library !== 'grpcio' || (await pythonGrpc()) !== undefined, 'install Python 3 with pip')

describe.each(LIBRARIES)('%s as a proxyless client', (library) => {
  beforeEach((context: TestContext) => requireLibrary(context, library))

  it('splits calls by weight', async () => {
    await controlPlane.apply(yaml(SPLIT))
    const { served, errors } = await callWith(library, bootstrap(), 'xds:///echo:50051', 1000)
    expect(errors).toEqual({})
    expect(served['v1']! + served['v2']!).toBe(1000)
    // Five and a half standard deviations either way.
    expect(served['v1']).toBeGreaterThan(730)
    expect(served['v1']).toBeLessThan(870)
  })

  it('takes the rule whose header fits', async () => {
    await controlPlane.apply(yaml(SPLIT))
    const { served, errors } = await callWith(library, bootstrap(), 'xds:///echo.default.svc.cluster.local:50051', 50, [
      'x-user=jason',
    ])
    expect({ served, errors }).toEqual({ served: { v2: 50 }, errors: {} })
  })

  it('fails over to another locality when the own one is down', async () => {
    const down = await freePort()
    const places = [
      { port: down, locality: 'r1/z1' },
      { port: v2.port, locality: 'r2/z1' },
    ]
    const failover = `
apiVersion: meshgate.io/v1
kind: Mesh
metadata: {name: mesh}
spec: {localityLbSetting: {enabled: true}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: a-outlier}
spec: {host: echo, trafficPolicy: {outlierDetection: {consecutive5xxErrors: 3}}}`
    await controlPlane.apply(yaml(failover, places))
    const { served, errors } = await callWith(library, bootstrap({ region: 'r1', zone: 'z1' }), 'xds:///echo:50051', 20)
    expect({ served, errors }).toEqual({ served: { v2: 20 }, errors: {} })
  })
})

describe('mutual TLS between the workloads', () => {
  const NAMES = {
    server: 'spiffe://cluster.local/ns/default/sa/echo',
    client: 'spiffe://cluster.local/ns/default/sa/client',
  }
  const mutual = (names: readonly string[]) => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: echo-tls}
spec: {host: echo, trafficPolicy: {tls: {mode: ISTIO_MUTUAL, subjectAltNames: ${JSON.stringify(names)}}}}`
  let files: { readonly cert: string; readonly key: string; readonly ca: string }
  let strict: Awaited<ReturnType<typeof grpcBackend>>

  beforeAll(async () => {
    const ca = await testCa()
    const [own, client] = [
      await ca.issue('echo', { uri: [NAMES.server] }),
      await ca.issue('client', { uri: [NAMES.client] }),
    ]
    const folder = await mkdtemp(join(tmpdir(), 'meshgate-grpc-'))
    files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem'), ca: join(folder, 'ca.pem') }
    await Promise.all([
      writeFile(files.cert, client.cert),
      writeFile(files.key, client.key),
      writeFile(files.ca, ca.cert),
    ])
    const pair = { cert_chain: Buffer.from(own.cert), private_key: Buffer.from(own.key) }
    strict = await grpcBackend('strict', ServerCredentials.createSsl(Buffer.from(ca.cert), [pair], true))
  })

  const apply = (names: readonly string[]) =>
    controlPlane.apply(
      `${serviceAt('echo', [{ port: strict.port }], '{number: 50051, name: grpc, protocol: GRPC}')}---${mutual(names)}`,
    )
  const withIdentity = () => grpcBootstrap({ ...own(), identity: files })

  it.for(LIBRARIES)(
    'shows the certificate of the bootstrap, and checks that of the service: %s',
    async (library, context) => {
      await requireLibrary(context, library)
      await apply([NAMES.server])
      const { served, errors } = await callWith(library, withIdentity(), 'xds:///echo:50051', 5)
      expect({ served, errors }).toEqual({ served: { strict: 5 }, errors: {} })
    },
  )

  it.for(LIBRARIES)('calls nobody with another name: %s', async (library, context) => {
    await requireLibrary(context, library)
    await apply(['spiffe://cluster.local/ns/default/sa/somebody-else'])
    const { served, errors } = await callWith(library, withIdentity(), 'xds:///echo:50051', 1)
    expect(served).toEqual({})
    expect(Object.keys(errors)[0]).toMatch(/^UNAVAILABLE/)
  })
})

describe('an unknown service', () => {
  // The libraries wait 15 s before they believe that a name they never had does not exist.
  it.concurrent.for(LIBRARIES)('is an error that says so: %s', async (library, context) => {
    await requireLibrary(context, library)
    const { served, errors } = await callWith(library, bootstrap(), 'xds:///nobody:50051', 1)
    expect(served).toEqual({})
    expect(Object.keys(errors)[0]).toMatch(/^(UNAVAILABLE|DEADLINE_EXCEEDED)/)
  })
})

describe('grpcio as a server', () => {
  it('starts with the listener it asks for and serves', async (context) => {
    await requireLibrary(context, 'grpcio')
    const port = await freePort()
    const server = await spawnForTest({
      command: 'python3',
      args: [serverProgram, `127.0.0.1:${port}`, 'served-by-xds'],
      env: {
        ...process.env,
        PYTHONPATH: await pythonGrpc(),
        GRPC_XDS_BOOTSTRAP_CONFIG: JSON.stringify(bootstrap()),
      },
    })
    await controlPlane.apply(
      yaml(
        SPLIT,
        ['v1', 'v2'].map((version) => ({ port, labels: { version } })),
      ),
    )
    // The library says that it has started before its listener has come.
    await portOpen(port)
    const { served, errors } = await callWith('grpcio', bootstrap(), 'xds:///echo:50051', 5)
    expect({ served, errors }).toEqual({ served: { 'served-by-xds': 5 }, errors: {} })
    await server.stop()
  })
})
