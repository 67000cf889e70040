import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseAllDocuments, stringify } from 'yaml'
import { loadConfig } from '../../controlplane/config/load.ts'
import type { NodeInfo } from '../../controlplane/xds/resource.ts'
import { casesFolder } from './cases.ts'
import { testCa } from './certificates.ts'
import { snapshotOf } from './config-documents.ts'
import type { PlainDocument } from './document-changes.ts'
import { kindSchema } from './kind-schemas.ts'
import { declarations } from './samples.ts'

/** An Envoy over delta of a cluster without a name, unless `more` says otherwise. */
export const node = (id: string, more: Partial<NodeInfo> = {}): NodeInfo => ({
  id,
  cluster: '',
  metadata: {},
  locality: { region: '', zone: '', subZone: '' },
  userAgent: 'envoy/1.39.3',
  protocol: 'delta',
  secretsAllowed: true,
  ...more,
})
const labelled = (labels: Readonly<Record<string, string>>) => ({ metadata: { LABELS: labels } })

/** Proxies of every kind of class. */
export const NODES: readonly NodeInfo[] = [
  node('sidecar~10.0.0.1~web.shop~shop.svc.cluster.local', {
    ...labelled({ app: 'web', version: 'v1' }),
    locality: { region: 'r1', zone: 'z1', subZone: 's1' },
  }),
  node('sidecar~10.1.0.1~ratings.shop~shop.svc.cluster.local', labelled({ app: 'ratings', 'zone-of': 'a' })),
  node('sidecar~10.0.0.3~old.shop~shop.svc.cluster.local', { userAgent: 'envoy/1.36.0' }),
  node('sidecar~10.0.0.4~team.play~play.svc.cluster.local'),
  node('sidecar~10.0.0.5~sotw.play~play.svc.cluster.local', { protocol: 'sotw', secretsAllowed: false }),
  node('sidecar~10.0.0.6~eager.other~other.svc.cluster.local', { metadata: { LAZY: 'false', HTTP_PROXY_PORT: 3128 } }),
  node('plain', { userAgent: 'envoy/1.35.0' }),
  node('router~10.0.0.7~edge.shop~shop.svc.cluster.local', labelled({ istio: 'edge' })),
  node('router~10.0.0.8~ew.shop~shop.svc.cluster.local', labelled({ istio: 'east-west' })),
  node('sidecar~10.0.0.9~grpc.shop~shop.svc.cluster.local', {
    userAgent: 'gRPC Node.js 1.14.0',
    protocol: 'sotw',
    metadata: { GENERATOR: 'grpc', LABELS: { app: 'web' } },
  }),
  node('message~10.0.0.10~edge.default~default.svc.cluster.local', labelled({ istio: 'messages' })),
  node('message~10.0.0.11~web.shop~shop.svc.cluster.local', labelled({ app: 'web' })),
  node('message~10.0.0.12~team.play~play.svc.cluster.local'),
]

/** A mesh of documents of every kind. */
export async function everyKind(): Promise<readonly PlainDocument[]> {
  const ca = await testCa()
  const { cert, key } = await ca.issue('web.example', { dns: ['web.example'] })
  const pem: Readonly<Record<string, string>> = { certificate: cert, private: key, authority: ca.cert }
  const file = fileURLToPath(new URL('../fixtures/every-kind.yaml', import.meta.url))
  return plainDocuments(readFileSync(file, 'utf8')).map((plain) => {
    const data = plain['stringData'] as Record<string, string> | undefined
    for (const [name, text] of Object.entries(data ?? {})) data![name] = pem[text] ?? text
    return plain
  })
}

/** The examples of the repository as one mesh. */
export function exampleMesh(): readonly PlainDocument[] {
  const folder = fileURLToPath(new URL('../../examples', import.meta.url))
  return withMesh(['quickstart', 'messages'].flatMap((name) => yamlIn(join(folder, name))))
}

/** Real documents of others as one mesh, with services for every host they send to; none where they are not on this machine. */
export function foundMesh(): readonly PlainDocument[] {
  const found = ['istio-samples', 'metarouter'].flatMap((name) => {
    const folder = casesFolder(name)
    return folder ? yamlIn(folder) : []
  })
  const text = found.map((document) => stringify(document)).join('---\n')
  const declared = plainDocuments(declarations(loadConfig(snapshotOf({ found: text })).objects))
  return found.length === 0 ? [] : withMesh([...found, ...declared])
}

function withMesh(documents: readonly PlainDocument[]): readonly PlainDocument[] {
  const mesh = { apiVersion: 'meshgate.io/v1', kind: 'Mesh', metadata: { name: 'mesh' }, spec: { drainTime: '0s' } }
  return [mesh, ...documents.filter(({ kind }) => kind !== 'Mesh')]
}

function yamlIn(folder: string): readonly PlainDocument[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .sort()
    .flatMap((file) => plainDocuments(readFileSync(join(folder, file), 'utf8')))
}

function plainDocuments(text: string): readonly PlainDocument[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS() as PlainDocument | null)
    .filter(
      (document) => document?.metadata !== undefined && kindSchema(document.kind) !== undefined,
    ) as PlainDocument[]
}
