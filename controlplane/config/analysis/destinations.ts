import type { Path } from '../../diagnostics/diagnostic.ts'
import type { Destination } from '../kinds/common.ts'
import type { ConfigObject } from '../object.ts'
import { similar } from '../similar.ts'
import { isWildcard } from '../syntax/host.ts'
import type { Check, Complain, ServiceHost, World } from './world.ts'

/** A destination with the object that names it and its place there. */
export interface Use {
  readonly object: ConfigObject
  readonly path: Path
  readonly destination: Destination
}

interface WithDestination {
  readonly destination?: Destination | undefined
}

/** Rules as all routing kinds have them: destinations and mirrors. */
interface Rule {
  readonly route?: readonly WithDestination[] | undefined
  readonly mirror?: Destination | undefined
  readonly mirrors?: readonly WithDestination[] | undefined
}

/** Where each routing kind keeps its rules. */
const RULES: Readonly<Record<string, readonly string[]>> = {
  VirtualService: ['http', 'tls', 'tcp'],
  MetaRouter: ['routes'],
  MsgRouter: ['routes'],
}

export function usesOf(object: ConfigObject): readonly Use[] {
  const uses: Use[] = []
  for (const field of RULES[object.kind] ?? []) {
    const rules = ((object.spec as Readonly<Record<string, unknown>>)[field] ?? []) as readonly Rule[]
    for (const [index, rule] of rules.entries()) {
      const path = ['spec', field, index]
      for (const list of ['route', 'mirrors'] as const)
        for (const [at, { destination }] of (rule[list] ?? []).entries())
          if (destination) uses.push({ object, path: [...path, list, at, 'destination'], destination })
      if (rule.mirror) uses.push({ object, path: [...path, 'mirror'], destination: rule.mirror })
    }
  }
  return uses
}

/** Every destination of a route or mirror exists, is visible, and has the port and the subset that the route names. */
export const checkDestinations: Check = (world, complain) => {
  const subsets = subsetsByHost(world)
  for (const kind of Object.keys(RULES)) {
    for (const object of world.of(kind as 'VirtualService'))
      for (const use of usesOf(object)) checkUse(world, subsets, use, complain)
  }
}

type Subsets = ReadonlyMap<string, ReadonlyMap<string, unknown>>

/** Subsets that DestinationRules declare, by full host; wildcard hosts stay wildcards. */
function subsetsByHost(world: World): Subsets {
  const found = new Map<string, Map<string, unknown>>()
  for (const rule of world.of('DestinationRule')) {
    const host = world.resolve(rule.spec.host, rule.namespace)
    const names = found.get(host) ?? new Map<string, unknown>()
    for (const subset of rule.spec.subsets ?? []) names.set(subset.name, subset)
    found.set(host, names)
  }
  return found
}

function checkUse(world: World, subsets: Subsets, { object, path, destination }: Use, complain: Complain): void {
  const host = world.resolve(destination.host, object.namespace)
  const services = world.services(host)
  if (services.length === 0) {
    const short = host === destination.host.toLowerCase() ? '' : ` (${host})`
    const hint = world.suggestHost(host)
    complain(object, 'HOST_NOT_FOUND', [...path, 'host'], `no service has the host ${destination.host}${short}`, hint)
  } else {
    const visible = services.filter((service) => world.visible(service.object, object.namespace))
    if (visible.length === 0) {
      const [hidden] = services as readonly [ServiceHost]
      const where = `${hidden.object.namespace}/${hidden.object.name}`
      complain(
        object,
        'HOST_NOT_VISIBLE',
        [...path, 'host'],
        `ServiceEntry ${where} is not exported to namespace ${object.namespace}`,
      )
    } else checkPort(visible, destination, object, path, complain)
  }
  if (destination.subset) checkSubset(subsets, host, destination, object, path, complain)
}

function checkPort(
  services: readonly ServiceHost[],
  { host, port }: Destination,
  object: ConfigObject,
  path: Path,
  complain: Complain,
): void {
  const numbers = [
    ...new Set(services.flatMap((service) => (service.object.spec.ports ?? []).map(({ number }) => number))),
  ]
  if (numbers.length === 0) return
  if (port?.number !== undefined) {
    if (!numbers.includes(port.number))
      complain(
        object,
        'DESTINATION_PORT_NOT_FOUND',
        [...path, 'port', 'number'],
        `${host} has no port ${port.number}, only ${numbers.join(', ')}`,
      )
  } else if (numbers.length > 1) {
    complain(
      object,
      'DESTINATION_PORT_REQUIRED',
      path,
      `${host} has several ports (${numbers.join(', ')}): name one with port.number`,
    )
  }
}

function checkSubset(
  subsets: Subsets,
  host: string,
  { subset }: Destination,
  object: ConfigObject,
  path: Path,
  complain: Complain,
): void {
  const candidates = [host, ...wildcardsOver(host)].flatMap((name) => subsets.get(name) ?? [])
  if (candidates.some((names) => names.has(subset!))) return
  const known = candidates.flatMap((names) => [...names.keys()])
  const hint =
    known.length > 0
      ? (similar(subset!, known) ?? `known subsets are ${known.join(', ')}`)
      : 'no DestinationRule of the host declares subsets'
  complain(object, 'SUBSET_NOT_FOUND', [...path, 'subset'], `${host} has no subset ${subset}`, hint)
}

/** Every wildcard host that covers a name: `*.b.c`, `*.c` and `*` for `a.b.c`. */
function wildcardsOver(host: string): readonly string[] {
  const parts = (isWildcard(host) ? host.slice(1).replace(/^\./, '') : host).split('.')
  return parts.map((_, index) => (index + 1 < parts.length ? `*.${parts.slice(index + 1).join('.')}` : '*'))
}
