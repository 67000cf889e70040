import { push } from '../push.ts'
import { leadsToItself } from '../syntax/address.ts'
import { isSubsetOf, isWildcard } from '../syntax/host.ts'
import { type Check, type Of, place, selects } from './world.ts'

/** Sidecars of a namespace that are for the same workloads. */
export const checkSidecarConflicts: Check = (world, complain) => {
  const byNamespace = new Map<string, Of<'Sidecar'>[]>()
  for (const sidecar of world.of('Sidecar')) push(byNamespace, sidecar.namespace, sidecar)
  for (const [namespace, sidecars] of byNamespace) {
    const defaults = sidecars.filter((sidecar) => labelsOf(sidecar).length === 0)
    for (const sidecar of defaults.slice(1))
      complain(
        sidecar,
        'SIDECAR_CONFLICT',
        ['spec'],
        `namespace ${namespace} already has a Sidecar for all workloads at ${place(defaults[0]!)}`,
      )
    const selecting = sidecars.filter((sidecar) => labelsOf(sidecar).length > 0)
    const workloads = world.workloads(namespace)
    for (const [index, sidecar] of selecting.slice(0, 500).entries()) {
      const labels = sidecar.spec.workloadSelector?.labels ?? {}
      const other = selecting.slice(0, index).find((earlier) => {
        const theirs = earlier.spec.workloadSelector?.labels ?? {}
        const equal = selects(labels, theirs) && selects(theirs, labels)
        return (
          equal || workloads.some((workload) => selects(labels, workload.labels) && selects(theirs, workload.labels))
        )
      })
      if (other)
        complain(
          sidecar,
          'SIDECAR_CONFLICT',
          ['spec', 'workloadSelector'],
          `the Sidecar at ${place(other)} selects the same workloads`,
        )
    }
  }
}

function labelsOf(sidecar: Of<'Sidecar'>): readonly string[] {
  return Object.keys(sidecar.spec.workloadSelector?.labels ?? {})
}

/** Ports of a Sidecar's listeners against the HTTP proxy port. */
export const checkSidecarPorts: Check = (world, complain) => {
  const httpPort = world.mesh.httpPort ?? 15_080
  if (httpPort === 0) return
  for (const sidecar of world.of('Sidecar')) {
    for (const field of ['ingress', 'egress'] as const)
      for (const [index, { port }] of (sidecar.spec[field] ?? []).entries())
        if (port?.number === httpPort)
          complain(
            sidecar,
            'LISTENER_PORT_CLASH',
            ['spec', field, index, 'port', 'number'],
            `port ${httpPort} is the HTTP proxy port of sidecars`,
          )
  }
}

/** Ingress ports of a Sidecar whose workload would have to listen where the sidecar itself does. */
export const checkIngressLoops: Check = (world, complain) => {
  for (const sidecar of world.of('Sidecar'))
    for (const [index, { port, bind = '', defaultEndpoint = '' }] of (sidecar.spec.ingress ?? []).entries())
      if (port.number && leadsToItself(bind, port.number, defaultEndpoint))
        complain(
          sidecar,
          'LISTENER_LOOP',
          ['spec', 'ingress', index, defaultEndpoint === '' ? 'port' : 'defaultEndpoint'],
          `port ${port.number} leads to itself: the sidecar listens on ${bind || 'every address'}, the workload would have to do so on the same port of loopback`,
        )
}

/** Hosts a Sidecar imports that no visible service has. */
export const checkSidecarHosts: Check = (world, complain) => {
  if (!world.hasServices) return
  const services = world.allServices
  for (const sidecar of world.of('Sidecar')) {
    // There ./ is the namespace of each proxy it is for.
    const forAll = sidecar.namespace === (world.mesh.rootNamespace ?? 'istio-system') && !sidecar.spec.workloadSelector
    for (const [index, { hosts }] of (sidecar.spec.egress ?? []).entries()) {
      for (const [at, entry] of hosts.slice(0, 1000).entries()) {
        const slash = entry.indexOf('/')
        const name = entry.slice(slash + 1).toLowerCase()
        const owner = entry.slice(0, slash)
        if (owner.startsWith('~') || name === '*') continue
        const namespace = owner !== '.' ? owner : forAll ? '*' : sidecar.namespace
        const candidates = isWildcard(name) ? services : world.services(name).map(({ object }) => object)
        const found = candidates.some(
          (service) =>
            (namespace === '*' || service.namespace === namespace) &&
            (forAll || world.visible(service, sidecar.namespace)) &&
            (!isWildcard(name) || service.spec.hosts.some((host) => isSubsetOf(host, name))),
        )
        if (!found && !world.isUnread(name))
          complain(
            sidecar,
            'SIDECAR_HOST_NOT_FOUND',
            ['spec', 'egress', index, 'hosts', at],
            forAll ? `no service is ${entry}` : `no service that ${sidecar.namespace} can see is ${entry}`,
          )
      }
    }
  }
}

const HTTP: ReadonlySet<string> = new Set(['HTTP', 'HTTP2', 'GRPC', 'GRPC-WEB'])

/** HTTP listeners of a Sidecar whose port none of its hosts has: by Istio's rule they import nothing. TCP goes to the only port there is. */
export const checkSidecarListenerPorts: Check = (world, complain) => {
  for (const sidecar of world.of('Sidecar')) {
    for (const [index, { port, hosts }] of (sidecar.spec.egress ?? []).entries()) {
      if (!port?.number || !HTTP.has(port.protocol?.toUpperCase() ?? '')) continue
      const names = hosts.slice(0, 1000).map((entry) => entry.slice(entry.indexOf('/') + 1).toLowerCase())
      // What a wildcard stands for, hosts of rules included, is not known here.
      if (names.some(isWildcard)) continue
      const services = names.flatMap((name) => world.services(name))
      const has = services.some(({ object }) => object.spec.ports?.some(({ number }) => number === port.number))
      if (services.length > 0 && !has)
        complain(
          sidecar,
          'SIDECAR_PORT_NOT_FOUND',
          ['spec', 'egress', index, 'port', 'number'],
          `none of these hosts has port ${port.number}: the listener reaches nothing`,
          'take a port of the service, or protocol HTTP_PROXY, where the authority tells host and port',
        )
    }
  }
}
