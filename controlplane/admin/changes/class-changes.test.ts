import { describe, expect, test } from 'vitest'
import { RESOURCE_TYPES } from '../../../proto/types.ts'
import { finish } from '../../config/analysis/analyze.ts'
import { loadConfig } from '../../config/load.ts'
import { type CompiledMesh, createMesh } from '../../mesh.ts'
import { MemorySource } from '../../sources/index.ts'
import type { ClientStatus } from '../../status/book.ts'
import { nodeOf } from '../node.ts'
import { type Comparison, compareClasses } from './class-changes.ts'

const MESH = 'apiVersion: meshgate.io/v1\nkind: Mesh\nmetadata: { name: mesh }\nspec: { lazy: false }\n'
const service = (name: string, address = '10.0.0.1') => `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name}, namespace: shop }
spec:
  hosts: [${name}.shop.svc.cluster.local]
  resolution: STATIC
  location: MESH_INTERNAL
  ports: [{ number: 80, name: http, protocol: HTTP }, { number: 9000, name: tcp, protocol: TCP }]
  endpoints: [{ address: ${address}, labels: { version: v1 } }, { address: 10.0.0.2, labels: { version: v2 } }]
`
const split = (weight: number, match = '') => `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews, namespace: shop }
spec:
  hosts: [reviews]
  http:
    - ${match}route:
        - { destination: { host: reviews, subset: v1 }, weight: ${100 - weight} }
        - { destination: { host: reviews, subset: v2 }, weight: ${weight} }
`
const subsets = (...names: readonly string[]) => `---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: reviews, namespace: shop }
spec:
  host: reviews
  subsets: [${names.map((name) => `{ name: ${name}, labels: { version: ${name} } }`).join(', ')}]
`
const scope = `---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: narrow, namespace: web }
spec: { egress: [{ hosts: ['shop/ratings.shop.svc.cluster.local'] }] }
`
const gateway = `---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: door, namespace: shop }
spec:
  selector: { app: door }
  servers: [{ port: { number: 8080, name: http, protocol: HTTP }, hosts: ['*'] }]
`
const BASE = `${MESH}${service('reviews')}${service('ratings')}${split(10)}${subsets('v1', 'v2')}${gateway}`

const CLIENTS = [
  { id: 'sidecar~10.1.0.1~a.web~web.svc.cluster.local', metadata: { LABELS: { app: 'a' } } },
  { id: 'sidecar~10.1.0.2~b.web~web.svc.cluster.local', metadata: { LABELS: { app: 'b' } } },
  { id: 'sidecar~10.1.0.3~c.shop~shop.svc.cluster.local', metadata: {} },
  { id: 'router~10.1.0.4~door.shop~shop.svc.cluster.local', metadata: { LABELS: { app: 'door' } } },
  { id: 'grpc-1', metadata: { GENERATOR: 'grpc', NAMESPACE: 'web' } },
].map((node, stream) => ({ stream, node: nodeOf(node), class: node.id })) as unknown as readonly ClientStatus[]

const configOf = (text: string, previous?: ReturnType<typeof loadConfig>) =>
  loadConfig(MemorySource.of({ 'm.yaml': text }).snapshot, previous)

/** A mesh whose connected proxies have everything, as those that ask for all at once do. */
function served(text: string): { readonly mesh: CompiledMesh; readonly config: ReturnType<typeof loadConfig> } {
  const mesh = createMesh()
  const config = configOf(text)
  mesh.commit(config.objects)
  held.push(...CLIENTS.map(({ node }) => mesh.view(node)))
  for (const { node } of CLIENTS) everything(mesh, node)
  return { mesh, config }
}
const held: unknown[] = []

function everything(mesh: CompiledMesh, node: ClientStatus['node']): Map<string, string> {
  const view = mesh.view(node)
  return new Map(
    RESOURCE_TYPES.flatMap((type) =>
      view.names(type).map((name) => [`${type} ${name}`, view.get(type, name)?.version ?? ''] as const),
    ),
  )
}

const compiledBefore = new Map<string, Map<string, string>>()

function compiled(text: string, node: ClientStatus['node']): Map<string, string> {
  const key = `${node.id} ${text}`
  const known = compiledBefore.get(key)
  if (known) return known
  const mesh = createMesh({ withoutDraining: true })
  mesh.commit(configOf(text).objects)
  const all = everything(mesh, node)
  compiledBefore.set(key, all)
  return all
}

/** What differs for a node between two meshes that know nothing of each other. */
function expected(before: string, after: string, node: ClientStatus['node']): readonly string[] {
  const meshes = [before, after].map((text) => compiled(text, node))
  const [old, now] = meshes as [Map<string, string>, Map<string, string>]
  return [...new Set([...old.keys(), ...now.keys()])]
    .filter((name) => old.get(name) !== now.get(name))
    .map((name) => `${old.has(name) ? (now.has(name) ? '~' : '-') : '+'} ${name} ${now.get(name) ?? ''}`)
    .sort()
}

function found({ classes }: Comparison, stream: number): readonly string[] {
  const own = classes.filter(({ clients }) => clients.some((client) => client.stream === stream))
  return own
    .flatMap(({ types, versions }) =>
      types.flatMap(({ type, added, changed, removed }) => [
        ...added.map((name) => `+ ${type} ${name} ${versions.get(`${type} ${name}`)}`),
        ...changed.map((name) => `~ ${type} ${name} ${versions.get(`${type} ${name}`)}`),
        ...removed.map((name) => `- ${type} ${name} `),
      ]),
    )
    .sort()
}

const PLANNED: Readonly<Record<string, string>> = {
  'a weight': BASE.replace(split(10), split(25)),
  'a match on labels of the caller, which splits a class': BASE.replace(
    split(10),
    split(10, 'match: [{ sourceLabels: { app: a } }]\n      '),
  ),
  'another subset': BASE.replace(subsets('v1', 'v2'), subsets('v1', 'v2', 'v3')),
  'a subset less': BASE.replace(subsets('v1', 'v2'), subsets('v1')),
  'a rule that goes': BASE.replace(split(10), ''),
  'an endpoint': BASE.replace(service('ratings'), service('ratings', '10.0.0.9')),
  'another service': BASE + service('cart'),
  'a service that goes': BASE.replace(service('ratings'), ''),
  'a scope': BASE + scope,
  'a gateway that goes': BASE.replace(gateway, ''),
  'a setting of the mesh': BASE.replace('lazy: false', 'lazy: false, httpPort: 15081'),
  'a line that moved': `# a comment\n${BASE}`,
}

describe('a planned configuration differs from the live one as two meshes do that compile everything', () => {
  test.each(Object.keys(PLANNED))('%s', (name) => {
    const { mesh, config } = served(BASE)
    const comparison = finish(compareClasses(mesh, configOf(PLANNED[name]!, config).objects, CLIENTS, []))
    for (const { node, stream } of CLIENTS)
      expect(found(comparison, stream), node.id).toEqual(expected(BASE, PLANNED[name]!, node))
  })

  test('one after the other, whatever the one before was', () => {
    const { mesh, config } = served(BASE)
    for (const name of [...Object.keys(PLANNED), ...Object.keys(PLANNED).reverse()]) {
      const comparison = finish(compareClasses(mesh, configOf(PLANNED[name]!, config).objects, CLIENTS, []))
      for (const { node, stream } of CLIENTS)
        expect(found(comparison, stream), `${name}: ${node.id}`).toEqual(expected(BASE, PLANNED[name]!, node))
    }
  })
})

test('a plan leaves the live mesh alone: nothing is computed again, nobody is told', () => {
  const { mesh, config } = served(BASE)
  let told = 0
  mesh.onChange(() => told++)
  const view = mesh.view(CLIENTS[0]!.node)
  const before = view.names('rds').map((name) => view.get('rds', name))
  finish(compareClasses(mesh, configOf(PLANNED['a weight']!, config).objects, CLIENTS, []))
  expect(view.names('rds').map((name) => view.get('rds', name))).toEqual(before)
  expect(told).toBe(0)
})
