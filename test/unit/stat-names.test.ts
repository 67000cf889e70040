import { fromBinary } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import { staticNode } from '../../controlplane/admin/translate.ts'
import { envoyBootstrap } from '../../controlplane/bootstrap/envoy.ts'
import { createMesh } from '../../controlplane/mesh.ts'
import type { NodeInfo } from '../../controlplane/xds/resource.ts'
import { ClusterSchema } from '../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import { serviceAt } from '../helpers/mesh-yaml.ts'
import { configObjects } from '../helpers/objects.ts'

const NAME = 'outbound|80||a.default.svc.cluster.local'
const mesh = createMesh()
mesh.commit(configObjects(serviceAt('a', [{ host: '127.0.0.1', port: 9 }])))

const node = (type: string, metadata: object, userAgent = 'envoy/1.39.3'): NodeInfo => ({
  ...{ id: `${type}~127.0.0.1~web-1.default~default.svc.cluster.local`, cluster: 'web.default', userAgent },
  ...{ metadata: metadata as NodeInfo['metadata'], locality: { region: '', zone: '', subZone: '' } },
  ...{ protocol: 'delta', secretsAllowed: false },
})

const bootstrapOf = (metadata: Record<string, unknown>) =>
  envoyBootstrap({ node: { id: 'n', metadata }, xds: { host: '127.0.0.1', port: 1 } }) as {
    readonly node: { readonly metadata: object }
  }

const OURS = bootstrapOf({}).node.metadata

test.each<[string, NodeInfo, string]>([
  ['the bootstrap of today', node('sidecar', OURS), `${NAME};`],
  ['a gateway with it', node('router', OURS), `${NAME};`],
  ['one that holds everything', node('sidecar', { ...OURS, LAZY: false }), `${NAME};`],
  ['the file of `translate`', staticNode(node('sidecar', {})), `${NAME};`],
  ['an older bootstrap, or somebody else’s', node('sidecar', { REPORTS: true }), ''],
  ['a bootstrap that was told not to', node('sidecar', bootstrapOf({ DELIMITED_STATS: false }).node.metadata), ''],
  ['a message proxy', node('message', OURS), ''],
  ['a gRPC library', node('sidecar', OURS, 'gRPC C-core'), ''],
])('what a cluster is called in statistics: %s', (_, asking, expected) => {
  const resource = mesh.view(asking).get('cds', NAME)
  expect(fromBinary(ClusterSchema, resource!.bytes)).toMatchObject({ name: NAME, altStatName: expected })
})
