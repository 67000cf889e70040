import { loadConfig } from '../../controlplane/config/load.ts'
import { createMesh } from '../../controlplane/mesh.ts'
import { readDocuments } from '../../controlplane/sources/index.ts'
import { reachable, resourceJson } from '../../controlplane/xds/dump.ts'
import type { ResourceType } from '../../proto/types.ts'
import type { Asker, Question, Reply, Resources } from './question.ts'

/**
 * What meshgate makes of a mesh.
 * @throws Error when a resource cannot be compiled, or the settings have errors
 */
export function ours({ documents, settings = '', proxies }: Question): Reply {
  const { refused, objects } = load([...documents, settings])
  if (refused.has(documents.length)) throw new Error(`settings: ${refused.get(documents.length)}`)
  const mesh = createMesh({
    onFailure: (type, name, error) => {
      throw new Error(`${type} ${name} cannot be compiled`, { cause: error })
    },
  })
  mesh.commit(objects)
  return { refused, proxies: proxies.map((proxy) => resourcesOf(mesh, proxy)) }
}

function load(texts: readonly string[]) {
  const documents = texts.flatMap((text, index) => readDocuments(`${index}.yaml`, Buffer.from(text)).documents)
  const { objects, diagnostics } = loadConfig({ documents, diagnostics: [] })
  const refused = new Map<number, string>()
  for (const { severity, file, path, message } of diagnostics)
    if (severity === 'error') refused.set(Number.parseInt(file, 10), `${path}: ${message}`)
  return { refused, objects }
}

function resourcesOf(mesh: ReturnType<typeof createMesh>, asker: Asker): Resources {
  const { type, ns, labels = {}, id = `x.${ns}`, ip = '1.1.1.1', metadata = {}, locality = '' } = asker
  const [region = '', zone = '', subZone = ''] = locality.split('/')
  const view = mesh.view({
    id: `${type}~${ip.split(',')[0]}~${id}~${ns}.svc.cluster.local`,
    cluster: 'x',
    metadata: { ...metadata, LABELS: labels, NAMESPACE: ns },
    locality: { region, zone, subZone },
    userAgent: 'envoy',
    // What is not on demand.
    protocol: 'sotw',
    secretsAllowed: true,
  })
  const found = reachable(view)
  const json = (type: ResourceType) => found[type].map((resource) => resourceJson(resource, { secrets: true }))
  return { listeners: json('lds'), routes: json('rds'), clusters: json('cds'), endpoints: json('eds') }
}
