import { toJson } from '@bufbuild/protobuf'
import { parseAllDocuments } from 'yaml'
import { ClusterSchema } from '../../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import { ClusterLoadAssignmentSchema } from '../../../proto/gen/envoy/config/endpoint/v3/endpoint_pb.ts'
import { registry } from '../../../proto/registry.ts'
import { SIDECAR } from '../../../test/helpers/proxy-class.ts'
import type { ConfigObject } from '../../config/object.ts'
import { createModel, createScope, type ProxyClass, type Scope } from '../../model/index.ts'
import type { Service, ServicePort } from '../../model/service.ts'
import { compileCluster, compileLoadAssignment } from './index.ts'

/** For tests: documents as the loader would hand them over, unchecked, by key. */
export function objectsOf(yaml: string): ReadonlyMap<string, ConfigObject> {
  const objects = new Map<string, ConfigObject>()
  for (const [index, document] of parseAllDocuments(yaml).entries()) {
    const value = document.toJS()
    const { name, namespace = 'default', labels = {}, annotations = {} } = value.metadata
    const { kind, apiVersion } = value
    const key = `${kind}/${namespace}/${name}`
    const source = {
      id: `test.yaml#${index}`,
      file: 'test.yaml',
      index,
      value,
      revision: String(index),
      locate: () => ({ file: 'test.yaml', line: 1, column: 1 }),
    }
    objects.set(key, { kind, apiVersion, name, namespace, labels, annotations, spec: value.spec, source, key })
  }
  return objects
}

/** For tests: the scope of one proxy class over a world of documents. */
export function scopeOf(yaml: string, proxy: Partial<ProxyClass> = {}): Scope {
  return mutableScope(yaml, proxy).scope
}

/** The same with the means to replace the world. */
export function mutableScope(
  yaml: string,
  proxy: Partial<ProxyClass> = {},
): { readonly scope: Scope; readonly replace: (yaml: string) => void } {
  const model = createModel()
  model.world.commit(objectsOf(yaml))
  return {
    scope: createScope(model, { ...SIDECAR, ...proxy }),
    replace: (text) => {
      model.world.commit(objectsOf(text))
    },
  }
}

/** For tests: the service and the port of `<host>:<port>`. */
export function target(scope: Scope, hostPort: string): readonly [Service, ServicePort] {
  const [host, number] = hostPort.split(':') as [string, string]
  const service = scope.service(host)!
  return [service, service.ports.find((port) => port.number === Number(number))!]
}

/** For tests: a cluster as protobuf JSON, extensions unfolded; with free keys, so that tests name the paths they look at. */
// biome-ignore lint/suspicious/noExplicitAny: free JSON.
export function clusterJson(scope: Scope, name: string): any {
  const compiled = compileCluster(scope, name)
  return compiled && toJson(ClusterSchema, compiled.message, { registry })
}

/** For tests: a load assignment as protobuf JSON. */
// biome-ignore lint/suspicious/noExplicitAny: free JSON.
export function assignmentJson(scope: Scope, name: string): any {
  const compiled = compileLoadAssignment(scope, name)
  return compiled && toJson(ClusterLoadAssignmentSchema, compiled.message, { registry })
}

/** For tests: the cluster of port 80 (`http`) of `shop.test` under a traffic policy in YAML. */
// biome-ignore lint/suspicious/noExplicitAny: free JSON.
export function clusterWith(trafficPolicy: string, proxy: Partial<ProxyClass> = {}): any {
  return clusterJson(scopeOf(SHOP + ruleWith(trafficPolicy), proxy), 'outbound|80||shop.test')
}

export const SHOP = `
kind: ServiceEntry
metadata: {name: shop}
spec:
  hosts: [shop.test]
  resolution: STATIC
  location: MESH_INTERNAL
  ports: [{number: 80, name: http}, {number: 81, name: grpc}, {number: 82, name: tcp}]
  endpoints:
  - {address: 10.0.0.1, labels: {version: v1}}
  - {address: 10.0.0.2, labels: {version: v2}, weight: 3}
`

/** A DestinationRule for `shop.test` with this policy. */
export function ruleWith(trafficPolicy: string): string {
  return `
---
kind: DestinationRule
metadata: {name: shop}
spec:
  host: shop.test
  trafficPolicy: ${trafficPolicy.includes('\n') ? `\n${trafficPolicy.replace(/^/gm, '    ')}` : trafficPolicy}
`
}
