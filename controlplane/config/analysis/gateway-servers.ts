import { hostsOverlap } from '../syntax/host.ts'
import type { Check, Of, World } from './world.ts'

/** Servers of gateways that can take no connection: no certificate to show, or no service behind. */
export const checkGatewayServers: Check = (world, complain) => {
  for (const gateway of world.of('Gateway'))
    for (const [index, { tls, hosts }] of (gateway.spec.servers ?? []).entries()) {
      const path = ['spec', 'servers', index, 'tls', 'mode']
      if (tls?.mode === 'ISTIO_MUTUAL' && !world.mesh.workloadCertificates)
        complain(
          gateway,
          'MUTUAL_TLS_NO_IDENTITY',
          path,
          'ISTIO_MUTUAL needs workload certificates, and the Mesh document names none: the server opens no port',
          'name their files in workloadCertificates of the Mesh, or use mode MUTUAL with credentialName or files',
        )
      if (tls?.mode === 'AUTO_PASSTHROUGH' && !hosts.some((host) => exposesInternal(world, gateway, host)))
        complain(
          gateway,
          'GATEWAY_SERVER_EMPTY',
          path,
          'AUTO_PASSTHROUGH leads to services with location MESH_INTERNAL, and none has a host of this server',
        )
    }
}

function exposesInternal(world: World, gateway: Of<'Gateway'>, entry: string): boolean {
  const slash = entry.indexOf('/')
  const owner = slash < 0 ? '*' : entry.slice(0, slash)
  const wanted = owner === '.' ? gateway.namespace : owner
  const pattern = entry.slice(slash + 1).toLowerCase()
  return world
    .of('ServiceEntry')
    .some(
      ({ namespace, spec }) =>
        spec.location === 'MESH_INTERNAL' &&
        (wanted === '*' || wanted === namespace) &&
        spec.hosts.some((host) => hostsOverlap(host.toLowerCase(), pattern)),
    )
}
