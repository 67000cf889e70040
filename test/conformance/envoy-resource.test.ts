import { fromBinary, fromJson, type JsonValue, toJson } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { createMesh } from '../../controlplane/mesh.ts'
import { MESSAGE_SCHEMA } from '../../controlplane/xds/envoy-resources.ts'
import type { NodeInfo } from '../../controlplane/xds/resource.ts'
import { fullRegistry } from '../../proto/registry.ts'
import type { ResourceType } from '../../proto/types.ts'
import { envoyResource, gatewaySets, type RawList } from '../helpers/cases.ts'
import { configObjects } from '../helpers/objects.ts'

const TYPE_OF: Readonly<Record<RawList, ResourceType>> = {
  clusters: 'cds',
  endpoints: 'eds',
  listeners: 'lds',
  routes: 'rds',
  secrets: 'sds',
}

const NODE: NodeInfo = {
  id: 'router~127.0.0.1~edge.default~default.svc.cluster.local',
  cluster: '',
  metadata: {},
  locality: { region: '', zone: '', subZone: '' },
  userAgent: 'envoy',
  protocol: 'delta',
  secretsAllowed: true,
}

const sets = gatewaySets()

describe.skipIf(sets.length === 0)('xDS sets of Envoy Gateway as EnvoyResource', () => {
  it.each(sets.map((set) => [set.name, set] as const))(
    '%s: every message is served, nothing lost, nothing added',
    (_, set) => {
      const mesh = createMesh({
        onFailure: (type, name, error) => {
          throw new Error(`${type} ${name}`, { cause: error })
        },
      })
      mesh.commit(configObjects(stringify(envoyResource(set))))
      const view = mesh.view(NODE)
      const registry = fullRegistry()
      for (const [list, messages] of Object.entries(set.lists) as [RawList, readonly Record<string, unknown>[]][]) {
        const type = TYPE_OF[list]
        const schema = MESSAGE_SCHEMA[type]
        for (const json of messages) {
          const name = String(json['name'] ?? json['clusterName'] ?? '')
          const resource = view.get(type, name)
          expect(resource, `${type} ${name}`).toBeDefined()
          const served = toJson(schema, fromBinary(schema, resource!.bytes), { registry })
          const wanted = toJson(schema, fromJson(schema, json as JsonValue, { registry }), { registry })
          expect(served).toEqual(wanted)
        }
        expect(view.names(type)).toEqual(
          expect.arrayContaining(messages.map((json) => String(json['name'] ?? json['clusterName'] ?? ''))),
        )
      }
    },
  )
})
