import { fromBinary, type JsonObject, toJson } from '@bufbuild/protobuf'
import { registry } from '../../../proto/registry.ts'
import type { ResourceType } from '../../../proto/types.ts'
import { configObjects } from '../../../test/helpers/objects.ts'
import { createModel } from '../../model/index.ts'
import { ClassView } from '../class-view.ts'
import { classify, relevance } from '../classify.ts'
import { MESSAGE_SCHEMA } from '../envoy-resources.ts'

/** What a proxy for private protocols gets of some YAML. */
export interface ProxyView {
  names(type: ResourceType): readonly string[]
  /** A resource in protobuf JSON. */
  json(type: ResourceType, name: string): JsonObject
}

export function messageView(
  yaml: string,
  node: { id?: string; metadata?: Record<string, unknown>; file?: string } = {},
): ProxyView {
  const model = createModel()
  const relevant = relevance(model)
  model.world.commit(configObjects(yaml, node.file))
  const proxy = classify(
    {
      id: node.id ?? 'message~10.0.0.1~client.default~default.svc.cluster.local',
      cluster: 'client',
      metadata: node.metadata ?? {},
      locality: { region: '', zone: '', subZone: '' },
      userAgent: 'meshgate',
      protocol: 'delta',
      secretsAllowed: true,
    },
    relevant(),
  )
  const view = new ClassView(model, proxy, {
    onFailure: (type, name, error) => {
      throw new Error(`${type} ${name}`, { cause: error })
    },
  })
  return {
    names: (type) => view.names(type),
    json: (type, name) => {
      const resource = view.get(type, name)
      if (!resource) throw new Error(`there is no ${type} ${name}, only ${view.names(type).join(', ')}`)
      return toJson(MESSAGE_SCHEMA[type], fromBinary(MESSAGE_SCHEMA[type], resource.bytes), { registry }) as JsonObject
    },
  }
}

/** A service of the game protocol with one endpoint per label `version`. */
export function gameService(host: string, port = 12345, versions: readonly string[] = ['v1', 'v2']): string {
  return `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${host.toLowerCase().replaceAll('.', '-')}}
spec:
  hosts: [${host}]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: ${port}, name: game-${port}, protocol: TCP}]
  endpoints:
${versions.map((version, index) => `    - {address: 10.1.0.${index + 1}, labels: {version: ${version}}}`).join('\n')}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: ${host.toLowerCase().replaceAll('.', '-')}}
spec:
  host: ${host}
  subsets: [${versions.map((version) => `{name: ${version}, labels: {version: ${version}}}`).join(', ')}]
---`
}
