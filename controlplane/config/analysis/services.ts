import { push } from '../push.ts'
import { hostPort, isLoopback, leadsToItself } from '../syntax/address.ts'
import { portClass } from '../syntax/protocol.ts'
import { isProtocolPort } from './messages.ts'
import { type Check, type Of, place, selects, type World } from './world.ts'

/** Services that can have no endpoint, and selectors that find none. */
export const checkServiceEndpoints: Check = (world, complain) => {
  for (const object of world.of('ServiceEntry')) {
    const { resolution = 'NONE', workloadSelector, endpoints = [] } = object.spec
    if (resolution === 'NONE' || resolution === 'DYNAMIC_DNS') continue
    if (workloadSelector) {
      if (world.endpoints({ object })?.length === 0)
        complain(
          object,
          'SELECTOR_EMPTY',
          ['spec', 'workloadSelector'],
          `no WorkloadEntry of namespace ${object.namespace} has the labels of the selector: the service has no endpoints`,
        )
    } else if (resolution === 'STATIC' && endpoints.length === 0 && world.endpoints({ object })) {
      complain(
        object,
        'SERVICE_ENTRY_NO_ENDPOINTS',
        ['spec', 'resolution'],
        'a STATIC service has neither endpoints nor a workloadSelector',
      )
    }
  }
}

/** One host and port with two protocols. */
export const checkServiceProtocols: Check = (world, complain) => {
  const first = new Map<
    string,
    { readonly object: Of<'ServiceEntry'>; readonly protocol: string; readonly index: number }
  >()
  for (const object of world.of('ServiceEntry')) {
    for (const [index, port] of (object.spec.ports ?? []).entries()) {
      const protocol = (port.protocol ?? '').toUpperCase()
      for (const host of object.spec.hosts) {
        const key = `${host.toLowerCase()} ${port.number}`
        const other = first.get(key)
        if (!other) first.set(key, { object, protocol, index })
        else if (other.object !== object && other.protocol !== protocol)
          complain(
            object,
            'SERVICE_ENTRY_PROTOCOL_CONFLICT',
            ['spec', 'ports', index],
            `${host} port ${port.number} is ${other.protocol || 'without protocol'} at ${place(other.object, ['spec', 'ports', other.index])}`,
          )
      }
    }
  }
}

/** Services whose TCP ports would be opened at one address, and TCP ports that the sidecar itself uses. */
export const checkTcpPorts: Check = (world, complain) => {
  const httpPort = world.mesh.httpPort ?? 15_080
  const byPlace = new Map<string, { readonly object: Of<'ServiceEntry'>; readonly index: number }[]>()
  const told = messagesTold(world)
  for (const object of world.of('ServiceEntry')) {
    const bind = object.spec.addresses?.find(isLoopback) ?? '127.0.0.1'
    for (const [index, { number, name, protocol }] of (object.spec.ports ?? []).entries()) {
      const messages = isProtocolPort(world, name)
      if (portClass(protocol, name) !== 'tcp' || (messages && told(object))) continue
      const path = ['spec', 'ports', index, 'number']
      if (number === httpPort && bind === '127.0.0.1')
        complain(object, 'LISTENER_PORT_CLASH', path, `port ${number} is the HTTP proxy port of sidecars`)
      const key = `${bind} ${number}`
      const others = byPlace.get(key) ?? []
      const other = others.find(
        (one) =>
          one.object !== object &&
          (world.visible(one.object, object.namespace) || world.visible(object, one.object.namespace)),
      )
      if (other && !sameHosts(other.object, object))
        complain(
          object,
          'TCP_PORT_CLASH',
          path,
          `port ${number} is also that of ${other.object.spec.hosts[0]} at ${place(other.object, ['spec', 'ports', other.index])}: ` +
            `both are dialled at ${hostPort(bind, number)}, ${messages ? 'and messages do not say which is meant' : 'so they cannot be told apart'}`,
        )
      if (others.length < 20) push(byPlace, key, { object, index })
    }
  }
}

/**
 * Which services messages themselves tell from others of their port: all where a MsgRouter says so by what a message is, or where messages come
 * in by a Gateway; else those with an `interface`.
 */
function messagesTold(world: World): (object: Of<'ServiceEntry'>) => boolean {
  const gateway = () =>
    world.of('Gateway').some(({ spec }) => spec.servers?.some(({ port }) => isProtocolPort(world, port.name ?? '')))
  const all = world.of('MsgRouter').length > 0 || gateway()
  return ({ annotations }) => all || annotations['interface'] !== undefined
}

function sameHosts(a: Of<'ServiceEntry'>, b: Of<'ServiceEntry'>): boolean {
  return a.spec.hosts.some((host) => b.spec.hosts.includes(host))
}

/** Endpoints that are where sidecars listen for their service. */
export const checkServiceLoops: Check = (world, complain) => {
  for (const object of world.of('ServiceEntry')) {
    const ports = (object.spec.ports ?? []).filter(
      ({ name, protocol }) => ['tcp', 'tls'].includes(portClass(protocol, name)) && !isProtocolPort(world, name),
    )
    for (const [index, { address = '', ports: own = {} }] of (object.spec.endpoints ?? []).entries()) {
      const port = ports.find(({ number, name, targetPort }) =>
        leadsToItself(LOOPBACK, number, hostPort(address, own[name] ?? targetPort ?? number)),
      )
      if (port)
        complain(
          object,
          'LISTENER_LOOP',
          ['spec', 'endpoints', index],
          `port ${port.number} leads to itself: sidecars would listen on ${LOOPBACK}, where this endpoint is; they do not, and who dials it reaches the endpoint`,
        )
    }
  }
}

/** Where sidecars listen for services that are not HTTP. */
const LOOPBACK = '127.0.0.1'

/** ServiceEntries of one host and namespace whose younger ones ask for what the oldest decides. */
export const checkServiceParts: Check = (world, complain) => {
  const oldest = new Map<string, Of<'ServiceEntry'>>()
  const parts = {
    exportTo: (object: Of<'ServiceEntry'>) => [...new Set(world.exportTo(object))].sort().join(),
    resolution: ({ spec }: Of<'ServiceEntry'>) => spec.resolution ?? 'NONE',
    location: ({ spec }: Of<'ServiceEntry'>) => spec.location ?? 'MESH_EXTERNAL',
  }
  for (const object of world.of('ServiceEntry'))
    for (const host of object.spec.hosts) {
      const key = `${host.toLowerCase()} ${object.namespace}`
      const first = oldest.get(key)
      if (!first) oldest.set(key, object)
      else if (first !== object)
        for (const [part, of] of Object.entries(parts))
          if (of(first) !== of(object))
            complain(
              object,
              'SERVICE_ENTRY_MERGED',
              ['spec', ...(part in object.spec ? [part] : [])],
              `${host} is one service with that of ${place(first)}, which is older: its ${part} counts (${of(first)}), not the one here (${of(object)})`,
            )
    }
}

/** Selectors of Sidecars, DestinationRules and Gateways that find no declared workload. */
export const checkSelectors: Check = (world, complain) => {
  const selecting = [
    ...world.of('DestinationRule').map((rule) => [rule, rule.spec.workloadSelector?.matchLabels] as const),
    ...world.of('Sidecar').map((sidecar) => [sidecar, sidecar.spec.workloadSelector?.labels] as const),
  ]
  for (const [object, labels] of selecting)
    if (labels && selectsNothing(labels, world.workloads(object.namespace)))
      complain(
        object,
        'SELECTOR_EMPTY',
        ['spec', 'workloadSelector'],
        `no declared workload of namespace ${object.namespace} has these labels`,
        'a proxy that connects with these labels in its metadata is selected all the same',
      )
  for (const gateway of world.of('Gateway')) {
    const labels = gateway.spec.selector
    if (labels && selectsNothing(labels, world.proxies))
      complain(gateway, 'SELECTOR_EMPTY', ['spec', 'selector'], 'no proxy of the Mesh document has these labels')
  }
}

/** Without any declared workload nothing can be said: proxies may come with their own labels. */
function selectsNothing(
  labels: Readonly<Record<string, string>>,
  workloads: readonly { readonly labels: Readonly<Record<string, string>> }[],
): boolean {
  return workloads.length > 0 && !workloads.some((workload) => selects(labels, workload.labels))
}
