import { leadsToItself } from '../../config/syntax/address.ts'
import type { Scope } from '../../model/index.ts'
import { parseOutboundClusterName } from '../../model/service.ts'
import type { L4Target } from './l4-routes.ts'

/**
 * Whether connections of a listener would come back to it: one of its targets is a service that says it is on this address and port of loopback.
 * Each would open the next one. A port that is not opened leaves whoever dials it with the program that listens there.
 */
export function comesBack(
  scope: Scope,
  { bind, port }: { readonly bind: string; readonly port: number },
  targets: readonly L4Target[],
): boolean {
  return targets.some(({ cluster }) => {
    const parts = parseOutboundClusterName(cluster)
    const service = parts && scope.service(parts.hostname)
    const target = service?.ports.find(({ number }) => number === parts?.port)
    return service && target && scope.localEndpoints(service, target).some((one) => leadsToItself(bind, port, one))
  })
}
