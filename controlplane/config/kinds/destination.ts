import type * as z from 'zod'
import { checked, message, optional, type Report, required } from '../schema.ts'
import { portProblem } from '../syntax/address.ts'
import { isDnsLabel, shown, wildcardDomainProblem } from '../syntax/host.ts'
import { text, uint32 } from '../syntax/values.ts'

/** A port of a destination, by number. */
export const portSelector = message({
  number: optional(uint32, 'Port number.'),
})

const destinationFields = message({
  host: required(
    text,
    'Service to send to: a host of the registry, or a short name in the namespace of this document.',
  ),
  subset: optional(text, 'Name of a subset that a DestinationRule of the host declares.'),
  port: optional(portSelector, 'Port of the service; may be left out when it has only one.'),
})

/** Where traffic goes: a host (the lone `*` is none), a subset by its DNS label, a port. */
function destinationRule(destination: Destination, report: Report): void {
  const { host, subset, port } = destination
  const problem = host === '*' ? 'the destination host must not be *' : wildcardDomainProblem(host)
  if (problem) report(['host'], problem)
  if (subset && !isDnsLabel(subset)) report(['subset'], `${shown(subset)} is no subset name: it must be a DNS label`)
  if (port) {
    const wrong = portProblem(port.number ?? 0)
    if (wrong) report(['port', 'number'], wrong)
  }
}

/** Where traffic goes: a service, or a part of it. */
export const destination = checked(destinationFields, destinationRule)
export type Destination = z.infer<typeof destinationFields>

/** Shares must not be negative, and not all zero when there are several. */
export function weightsRule(routes: readonly { readonly weight?: number | undefined }[], report: Report): void {
  let sum = 0
  for (const [index, { weight = 0 }] of routes.entries()) {
    if (weight < 0) report([index, 'weight'], `a weight must not be negative, found ${weight}`)
    sum += weight
  }
  if (routes.length > 1 && sum === 0)
    report([], 'the total weight of the destinations is 0: none of them would get traffic')
}
