import { expect, it } from 'vitest'
import { configObjects } from '../../test/helpers/objects.ts'
import { createModel, createScope, MESH_GATEWAY } from './index.ts'

const rules = (name: string, namespace: string, exportTo?: string) => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ${name}, namespace: ${namespace}}
spec: {hosts: [shop.test], gateways: [mesh, web/edge], http: [{route: [{destination: {host: a.test}}]}]${exportTo ? `, exportTo: [${exportTo}]` : ''}}`

/** Names of the VirtualServices a proxy of a namespace has, in order of precedence; they are given from old to young. */
function found(
  namespace: string,
  gateway: string,
  documents: readonly string[],
  defaults = '["*"]',
): readonly string[] {
  const mesh = `
apiVersion: meshgate.io/v1
kind: Mesh
metadata: {name: mesh}
spec: {defaultVirtualServiceExportTo: ${defaults}}`
  const edge = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: web}
spec: {selector: {app: edge}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}`
  const dated = documents.map((text, index) =>
    text.replace('metadata: {', `metadata: {creationTimestamp: '2026-01-0${index + 1}T00:00:00Z', `),
  )
  const model = createModel()
  model.world.commit(configObjects([mesh, edge, ...dated].join('\n---\n')))
  const scope = createScope(model, {
    key: namespace,
    type: gateway === MESH_GATEWAY ? 'sidecar' : 'router',
    namespace,
    labels: {},
    locality: undefined,
    httpPort: 15080,
    secretsAllowed: true,
  })
  return scope.virtualServices(gateway).map(({ name }) => name)
}

const ALL = [
  rules('old-for-all', 'shop'),
  rules('young-for-all', 'web', `'*'`),
  rules('for-some', 'shop', 'web, shop'),
  rules('own', 'web', `'.'`),
  rules('own-by-name', 'web', 'web, other'),
]

it('what a namespace keeps to itself comes before what others export to it, that before what is for all, however old', () => {
  const nearest = ['own', 'own-by-name', 'for-some', 'old-for-all', 'young-for-all']
  expect(found('web', MESH_GATEWAY, ALL)).toEqual(nearest)
  expect(found('web', 'web/edge', ALL)).toEqual(nearest)
})

it('which is whose is the question of who looks', () => {
  expect(found('shop', MESH_GATEWAY, ALL)).toEqual(['for-some', 'old-for-all', 'young-for-all'])
  expect(found('other', MESH_GATEWAY, ALL)).toEqual(['own-by-name', 'old-for-all', 'young-for-all'])
})

it('the default of the mesh counts where a document says nothing', () => {
  const documents = [rules('for-all', 'web', `'*'`), rules('silent', 'web')]
  expect(found('web', MESH_GATEWAY, documents)).toEqual(['for-all', 'silent'])
  expect(found('web', MESH_GATEWAY, documents, `["."]`)).toEqual(['silent', 'for-all'])
})
