import { type Check, type Of, place, type World } from './world.ts'

/** So many of those that claim a host are remembered. */
const MOST_OWNERS = 20

/** A VirtualService has rules for a host. */
interface Claim {
  readonly service: Of<'VirtualService'>
  /** Of `spec.hosts`. */
  readonly index: number
  /** The host in full. */
  readonly name: string
  /** As it is written; `mesh` where none is. */
  readonly gateway: string
  /** `mesh`, or `<namespace>/<name>` of the gateway. */
  readonly where: string
}

/** Hosts that several VirtualServices claim: for sidecars the first wins, at a gateway they are merged. */
export const checkVirtualServiceOverlap: Check = (world, complain) => {
  const owners = new Map<string, Claim[]>()
  for (const claim of claims(world)) {
    const { service, name, where } = claim
    const key = `${where} ${name}`
    const others = owners.get(key) ?? []
    owners.set(key, [...others.slice(0, MOST_OWNERS), claim])
    const other = others.find(
      (one) => one.service !== service && (where !== 'mesh' || seenTogether(world, one.service, service)),
    )
    if (!other) continue
    const [first, second] = comesFirst(world, service, other.service) ? [claim, other] : [other, claim]
    const [code, text] =
      where === 'mesh'
        ? ([
            'VIRTUAL_SERVICE_OVERLAP',
            `already has rules at ${place(first.service)}; sidecars that see both ignore these`,
          ] as const)
        : ([
            'VIRTUAL_SERVICE_MERGED',
            `has rules at ${place(first.service)} too; at gateway ${second.gateway} these come behind them`,
          ] as const)
    complain(second.service, code, ['spec', 'hosts', second.index], `${name} ${text}`)
  }
}

/** Whether the later of two that are exported to some namespaces only comes first where both are seen: at home it does. */
function comesFirst(world: World, later: Of<'VirtualService'>, earlier: Of<'VirtualService'>): boolean {
  return (
    !world.exportTo(later).includes('*') &&
    later.namespace !== earlier.namespace &&
    world.visible(earlier, later.namespace)
  )
}

/** In order of precedence: what is exported to some namespaces only comes before what is for all. */
function* claims(world: World): Generator<Claim> {
  const all = world.of('VirtualService')
  const forAll = (service: Of<'VirtualService'>) => world.exportTo(service).includes('*')
  for (const service of [...all.filter((one) => !forAll(one)), ...all.filter(forAll)]) {
    const { hosts = [], gateways = [] } = service.spec
    for (const gateway of gateways.length > 0 ? gateways : ['mesh']) {
      const where = gateway === 'mesh' || gateway.includes('/') ? gateway : `${service.namespace}/${gateway}`
      for (const [index, host] of hosts.entries())
        yield { service, index, name: world.resolve(host, service.namespace), gateway, where }
    }
  }
}

/** Whether some sidecar may see both: one is exported to where the other is seen. */
function seenTogether(world: World, a: Of<'VirtualService'>, b: Of<'VirtualService'>): boolean {
  return world.visible(a, b.namespace) || world.visible(b, a.namespace)
}
