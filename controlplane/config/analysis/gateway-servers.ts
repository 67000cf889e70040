import { leadsToItself } from '../syntax/address.ts'
import { isSubsetOf } from '../syntax/host.ts'
import type { Check, Of, World } from './world.ts'

/** Servers of gateways that can take no connection: no certificate to show, no service behind, or only themselves. */
export const checkGatewayServers: Check = (world, complain) => {
  for (const gateway of world.of('Gateway'))
    for (const [index, { tls, hosts, port, bind = '', defaultEndpoint }] of (gateway.spec.servers ?? []).entries()) {
      if (defaultEndpoint && leadsToItself(bind, port.number, defaultEndpoint))
        complain(
          gateway,
          'LISTENER_LOOP',
          ['spec', 'servers', index, 'defaultEndpoint'],
          `${defaultEndpoint} is where the server itself listens: it is ignored`,
        )
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
        spec.hosts.some((host) => isSubsetOf(host.toLowerCase(), pattern)),
    )
}
