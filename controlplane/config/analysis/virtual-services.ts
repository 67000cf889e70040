import { type Check, type Of, place, type World } from './world.ts'

/** Hosts that several VirtualServices claim: for sidecars the first wins, at a gateway they are merged. */
export const checkVirtualServiceOverlap: Check = (world, complain) => {
  const owners = new Map<string, Of<'VirtualService'>[]>()
  for (const service of world.of('VirtualService')) {
    const { hosts = [], gateways = [] } = service.spec
    for (const gateway of gateways.length > 0 ? gateways : ['mesh']) {
      const where = gateway === 'mesh' || gateway.includes('/') ? gateway : `${service.namespace}/${gateway}`
      for (const [index, host] of hosts.entries()) {
        const name = world.resolve(host, service.namespace)
        const key = `${where} ${name}`
        const others = owners.get(key) ?? []
        const other = others.find((one) => one !== service && meet(world, one, service, where === 'mesh'))
        if (other) {
          const at = place(other)
          const path = ['spec', 'hosts', index]
          if (where === 'mesh')
            complain(
              service,
              'VIRTUAL_SERVICE_OVERLAP',
              path,
              `${name} already has rules at ${at}; sidecars that see both ignore these`,
            )
          else
            complain(
              service,
              'VIRTUAL_SERVICE_MERGED',
              path,
              `${name} has rules at ${at} too; at gateway ${gateway} these come behind them`,
            )
        }
        owners.set(key, [...others.slice(0, 20), service])
      }
    }
  }
}

/** Whether some proxy sees both: at a gateway always, in sidecars when one is exported to where the other is seen. */
function meet(world: World, a: Of<'VirtualService'>, b: Of<'VirtualService'>, sidecars: boolean): boolean {
  return !sidecars || world.visible(a, b.namespace) || world.visible(b, a.namespace)
}
