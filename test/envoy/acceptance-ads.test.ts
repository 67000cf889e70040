import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fromBinary } from '@bufbuild/protobuf'
import { beforeAll, describe, expect, it } from 'vitest'
import type { XdsServer } from '../../controlplane/ads/index.ts'
import { envoyBootstrap } from '../../controlplane/bootstrap/envoy.ts'
import type { GatewaySpec } from '../../controlplane/config/kinds/gateway.ts'
import { loadConfig } from '../../controlplane/config/load.ts'
import type { ConfigObject } from '../../controlplane/config/object.ts'
import { createMesh } from '../../controlplane/mesh.ts'
import { FileStore, MemorySource } from '../../controlplane/sources/index.ts'
import type { Mesh, NodeInfo, Resource, View } from '../../controlplane/xds/resource.ts'
import { ListenerSchema } from '../../proto/gen/envoy/config/listener/v3/listener_pb.ts'
import { SecretSchema } from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import { encode } from '../../proto/make.ts'
import { casesFolder } from '../helpers/cases.ts'
import { testCa } from '../helpers/certificates.ts'
import { startEnvoy, type TestEnvoy } from '../helpers/envoy.ts'
import { testFolder } from '../helpers/folders.ts'
import { stopAfterTests } from '../helpers/processes.ts'
import { sampleMesh } from '../helpers/samples.ts'
import { xdsServer } from '../helpers/xds-server.ts'

/**
 * Documents others wrote and our own examples, committed one set after another to the same Envoys over ADS: going from one
 * to the next is part of the test. Envoy must refuse nothing, and hold what was compiled.
 */

const folder = testFolder('acceptance')

type Objects = ReadonlyMap<string, ConfigObject>
interface Client {
  readonly type: 'sidecar' | 'router'
  readonly mode: 'delta' | 'sotw'
  readonly envoy: TestEnvoy
}

/**
 * The compiled mesh, seen by proxies that change their namespace and labels with each set. Listeners are not bound: the
 * ports of the documents are not ours. Certificate files are the test's.
 */
class Stage implements Mesh {
  readonly failures: string[] = []
  readonly #mesh = createMesh({ onFailure: (type, name, error) => this.failures.push(`${type} ${name}: ${error}`) })
  readonly #listeners = new Set<() => void>()
  readonly #views = new WeakMap<View, View>()
  readonly #resources = new WeakMap<Resource, Resource>()
  #namespace = 'default'
  #gatewayLabels: Readonly<Record<string, string>> = {}

  show(objects: Objects, namespace: string): void {
    this.#mesh.commit(objects)
    this.#namespace = namespace
    const gateways = [...objects.values()].filter(({ kind }) => kind === 'Gateway') as ConfigObject<GatewaySpec>[]
    this.#gatewayLabels = Object.assign({}, ...gateways.map(({ spec }) => spec.selector ?? {}))
    for (const listener of this.#listeners) listener()
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  view(node: NodeInfo): View {
    const [type] = node.id.split('~') as ['sidecar' | 'router']
    const namespace = this.#namespace
    const labels = type === 'router' ? this.#gatewayLabels : {}
    const id = `${type}~127.0.0.1~test.${namespace}~${namespace}.svc.cluster.local`
    const view = this.#mesh.view({ ...node, id, metadata: { LABELS: labels } })
    const known = this.#views.get(view)
    if (known) return known
    const shown: View = {
      key: view.key,
      names: (kind) => view.names(kind),
      get: (kind, name) => {
        const resource = view.get(kind, name)
        return resource && this.#shown(resource)
      },
    }
    this.#views.set(view, shown)
    return shown
  }

  #shown(resource: Resource): Resource {
    const known = this.#resources.get(resource)
    if (known) return known
    const shown = { ...resource, bytes: onThisMachine(resource) }
    this.#resources.set(resource, shown)
    return shown
  }
}

function onThisMachine({ type, bytes }: Resource): Uint8Array {
  if (type === 'lds') return encode(ListenerSchema, { ...fromBinary(ListenerSchema, bytes), bindToPort: false })
  if (type !== 'sds') return bytes
  const secret = fromBinary(SecretSchema, bytes)
  if (secret.type.case === 'tlsCertificate') {
    const { certificateChain, privateKey, watchedDirectory } = secret.type.value
    for (const [source, file] of [[certificateChain, 'cert.pem'] as const, [privateKey, 'key.pem'] as const])
      if (source?.specifier.case === 'filename') source.specifier.value = join(folder, file)
    if (watchedDirectory) watchedDirectory.path = folder
  }
  if (secret.type.case === 'validationContext') {
    const { trustedCa, watchedDirectory } = secret.type.value
    if (trustedCa?.specifier.case === 'filename') trustedCa.specifier.value = join(folder, 'ca.pem')
    if (watchedDirectory) watchedDirectory.path = folder
  }
  return encode(SecretSchema, secret)
}

const stage = new Stage()
let server: XdsServer
let clients: readonly Client[]

beforeAll(async () => {
  const ca = await testCa()
  const { cert, key } = await ca.issue('any', { dns: ['any.example'] })
  for (const [name, text] of Object.entries({ cert, key, ca: ca.cert }))
    writeFileSync(join(folder, `${name}.pem`), text)
  server = xdsServer(stage)
  const { port } = await server.listen('127.0.0.1:0')
  stopAfterTests(() => server.stop())
  const kinds = (['sidecar', 'router'] as const).flatMap((type) =>
    (['delta', 'sotw'] as const).map((mode) => ({ type, mode })),
  )
  clients = await Promise.all(
    kinds.map(async ({ type, mode }) => ({
      type,
      mode,
      envoy: await startEnvoy({
        bootstrap: envoyBootstrap({
          node: { id: `${type}~127.0.0.1~${mode}.default~default.svc.cluster.local` },
          xds: { host: '127.0.0.1', port },
          mode,
        }),
      }),
    })),
  )
})

/** Updates refused by each Envoy since the last call. */
async function newlyRejected(): Promise<Readonly<Record<string, number>>> {
  const found: Record<string, number> = {}
  for (const { type, mode, envoy } of clients)
    for (const [stat, count] of Object.entries(await envoy.rejected())) {
      const name = `${type} ${mode} ${stat}`
      if (count > (rejectedBefore.get(name) ?? 0)) found[name] = count - (rejectedBefore.get(name) ?? 0)
      rejectedBefore.set(name, count)
    }
  return found
}
const rejectedBefore = new Map<string, number>()

interface Held {
  readonly clusters: readonly string[]
  readonly listeners: readonly string[]
}

/** What an Envoy holds, warm or waiting for something. */
async function held({ envoy }: Client): Promise<Held> {
  const dump = await envoy.configDump()
  const clusters = [
    ...(dump['ClustersConfigDump'].dynamic_active_clusters ?? []),
    ...(dump['ClustersConfigDump'].dynamic_warming_clusters ?? []),
  ]
  const listeners: { name: string; active_state?: object; warming_state?: object }[] =
    dump['ListenersConfigDump'].dynamic_listeners ?? []
  const names = (list: readonly string[]) => [...new Set(list)].sort()
  return {
    clusters: names(clusters.map(({ cluster }) => cluster.name)),
    // A listener that drains is still told of, without a state that serves.
    listeners: names(listeners.filter((one) => one.active_state ?? one.warming_state).map(({ name }) => name)),
  }
}

function compiled({ type }: Client): Held {
  const { node } = server.status.clients().find((client) => client.node.id.startsWith(`${type}~`))!
  const view = stage.view(node)
  const names = (kind: 'cds' | 'lds') =>
    view
      .names(kind)
      .filter((name) => view.get(kind, name))
      .sort()
  return { clusters: names('cds'), listeners: names('lds') }
}

/** What the server holds against a client: answers it owes, refusals. */
function open(): readonly string[] {
  return server.status
    .clients()
    .flatMap(({ node, types }) =>
      types
        .filter(({ state }) => state === 'STALE' || state === 'NACK')
        .map(({ type, state, nack }) => `${node.id} ${type} ${state} ${nack?.message ?? ''}`),
    )
}

async function accept(objects: Objects): Promise<void> {
  const namespaces = new Set([...objects.values()].map(({ namespace }) => namespace))
  for (const namespace of namespaces) {
    stage.show(objects, namespace)
    for (const client of clients) {
      const name = `${client.type} ${client.mode} in ${namespace}`
      await expect.poll(() => held(client), { message: name }).toEqual(compiled(client))
    }
    await expect.poll(open).toEqual([])
  }
  expect({ rejected: await newlyRejected(), failures: stage.failures.splice(0) }).toEqual({
    rejected: {},
    failures: [],
  })
}

/** The documents as the product loads them, and services for what they send to without declaring it. */
function loaded(text: string): Objects {
  const { objects } = loadConfig(MemorySource.of({ 'sample.yaml': text }).snapshot)
  const declared = [...sampleMesh(text).objects].filter(([, { name }]) => name.startsWith('declared-'))
  return new Map([...objects, ...declared])
}

for (const set of ['istio-samples', 'istio-crds/valid', 'metarouter']) {
  const cases = casesFolder(set)
  const files = cases ? readdirSync(cases).filter((file) => file.endsWith('.yaml')) : []
  describe.skipIf(!cases)(`Envoy accepts over ADS what ${set} compiles to`, () => {
    it.each(files)('%s', (file) => accept(loaded(readFileSync(join(cases!, file), 'utf8'))))
  })
}

describe('Envoy accepts over ADS what the examples compile to', () => {
  const examples = fileURLToPath(new URL('../../examples', import.meta.url))
  const folders = readdirSync(examples, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  it.each(folders.map(({ name }) => name))('%s', async (name) => {
    const { objects, diagnostics } = loadConfig(await FileStore.read({ paths: join(examples, name) }))
    expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([])
    await accept(objects)
  })
})

it('and holds nothing any more when all is gone', async () => {
  stage.show(new Map(), 'default')
  for (const client of clients) await expect.poll(() => held(client)).toEqual(compiled(client))
  expect(compiled(clients[0]!).clusters).toEqual(expect.arrayContaining(['BlackHoleCluster']))
  expect(await newlyRejected()).toEqual({})
})
