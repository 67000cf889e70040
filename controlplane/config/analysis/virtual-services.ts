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
  const owners = new Map<string, Of<'VirtualService'>[]>()
  for (const { service, index, name, gateway, where } of claims(world)) {
    const key = `${where} ${name}`
    const others = owners.get(key) ?? []
    owners.set(key, [...others.slice(0, MOST_OWNERS), service])
    const other = others.find((one) => one !== service && (where !== 'mesh' || seenTogether(world, one, service)))
    if (!other) continue
    const path = ['spec', 'hosts', index]
    const [code, text] =
      where === 'mesh'
        ? ([
            'VIRTUAL_SERVICE_OVERLAP',
            `already has rules at ${place(other)}; sidecars that see both ignore these`,
          ] as const)
        : ([
            'VIRTUAL_SERVICE_MERGED',
            `has rules at ${place(other)} too; at gateway ${gateway} these come behind them`,
          ] as const)
    complain(service, code, path, `${name} ${text}`)
  }
}

/** In order of precedence. */
function* claims(world: World): Generator<Claim> {
  for (const service of world.of('VirtualService')) {
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
