import type { Path } from '../../diagnostics/diagnostic.ts'
import type { Destination } from '../kinds/destination.ts'
import type { MetaRouterSpec } from '../kinds/meta-router.ts'
import type { MsgRouterSpec, MsgRule } from '../kinds/msg-router.ts'
import { rulesOf } from '../msg-router-rules.ts'
import type { ConfigObject } from '../object.ts'
import { similar } from '../similar.ts'
import { isWildcard } from '../syntax/host.ts'
import { isProtocolPort } from './messages.ts'
import { type Check, type Complain, each, type ServiceHost, type World } from './world.ts'

/** A destination with the object that names it and its place there. */
export interface Use {
  readonly object: ConfigObject
  readonly path: Path
  readonly destination: Destination
  /** Where host, subset and port stand when the document has them beside other fields. */
  readonly fields?: { readonly host: Path; readonly subset: Path; readonly port: Path }
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
}

function usesOf(object: ConfigObject): readonly Use[] {
  if (object.kind === 'MsgRouter')
    return rulesOf(object.spec as MsgRouterSpec).flatMap(({ rule, path }) => [
      ...usesOfRule(object, rule, path),
      ...shortUse(object, rule, path),
    ])
  return (RULES[object.kind] ?? [])
    .flatMap((field) => {
      const rules = ((object.spec as Readonly<Record<string, unknown>>)[field] ?? []) as readonly Rule[]
      return rules.flatMap((rule, index) => usesOfRule(object, rule, ['spec', field, index]))
    })
    .concat(object.kind === 'MetaRouter' ? limitService(object as ConfigObject<MetaRouterSpec>) : [])
}

/** The service of a global limit is named as proxies name its cluster. */
function limitService(object: ConfigObject<MetaRouterSpec>): readonly Use[] {
  const match = /^outbound\|(\d+)\|([^|]*)\|(.+)$/.exec(object.spec.globalRateLimit?.rateLimitService ?? '')
  if (!match) return []
  const path = ['spec', 'globalRateLimit', 'rateLimitService']
  const destination = {
    host: match[3]!,
    ...(match[2] && { subset: match[2] }),
    port: { number: Number(match[1]) },
  }
  return [{ object, path, destination, fields: { host: path, subset: path, port: path } }]
}

/** `svrName`, `subset` and `port` of a MsgRouter stand for a destination. */
function shortUse(object: ConfigObject, { svrName, subset, port }: MsgRule, path: Path): readonly Use[] {
  if (svrName === undefined) return []
  const destination = {
    host: svrName,
    ...(subset && { subset }),
    ...(port !== undefined && { port: { number: port } }),
  }
  const fields = { host: [...path, 'svrName'], subset: [...path, 'subset'], port: [...path, 'port'] }
  return [{ object, path: fields.host, destination, fields }]
}

function usesOfRule(object: ConfigObject, rule: Rule, path: Path): readonly Use[] {
  const uses: Use[] = []
  for (const list of ['route', 'mirrors'] as const)
    for (const [at, { destination }] of (rule[list] ?? []).entries())
      if (destination) uses.push({ object, path: [...path, list, at, 'destination'], destination })
  if (rule.mirror) uses.push({ object, path: [...path, 'mirror'], destination: rule.mirror })
  return uses
}

/** Every destination of a route or mirror exists, is visible, and has the port and the subset that the route names. */
export const checkDestinations: Check = each(['VirtualService', 'MetaRouter', 'MsgRouter'], (world, complain) => {
  const subsets = subsetsByHost(world)
  return (object) => {
    for (const use of usesOf(object)) checkUse(world, subsets, use, complain)
  }
})

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

function checkUse(world: World, subsets: Subsets, use: Use, complain: Complain): void {
  const { object, path, destination } = use
  const fields = use.fields ?? {
    host: [...path, 'host'],
    subset: [...path, 'subset'],
    port: [...path, 'port', 'number'],
  }
  const host = world.resolve(destination.host, object.namespace)
  const services = world.services(host)
  if (services.length === 0) {
    if (!world.isUnread(host))
      complain(object, 'HOST_NOT_FOUND', fields.host, world.absentHost(host), world.suggestHost(host))
  } else {
    // What is exported to others only can still be sent to by rules of its own namespace, as in Istio.
    const visible = services.filter(
      (service) => service.object.namespace === object.namespace || world.visible(service.object, object.namespace),
    )
    if (visible.length === 0) {
      const [hidden] = services as readonly [ServiceHost]
      const where = `${hidden.object.namespace}/${hidden.object.name}`
      complain(
        object,
        'HOST_NOT_VISIBLE',
        fields.host,
        `ServiceEntry ${where} is not exported to namespace ${object.namespace}`,
      )
    } else checkPort(world, visible, { ...use, fields }, complain)
  }
  if (destination.subset) checkSubset(subsets, host, destination, object, fields.subset, complain)
}

function checkPort(
  world: World,
  services: readonly ServiceHost[],
  { object, path, destination: { host, port }, fields }: Use & Required<Pick<Use, 'fields'>>,
  complain: Complain,
): void {
  const ports = services.flatMap((service) => service.object.spec.ports ?? [])
  const numbers = [...new Set(ports.map(({ number }) => number))]
  if (numbers.length === 0) return
  if (port?.number !== undefined) {
    if (!numbers.includes(port.number))
      complain(
        object,
        'DESTINATION_PORT_NOT_FOUND',
        fields.port,
        `${host} has no port ${port.number}, only ${numbers.join(', ')}`,
      )
    return
  }
  // Messages go to the one port of their protocol where there are others beside it.
  const message = object.kind === 'MsgRouter' || object.kind === 'MetaRouter'
  const own = message
    ? new Set(ports.filter(({ name }) => isProtocolPort(world, name)).map(({ number }) => number))
    : undefined
  if (numbers.length > 1 && own?.size !== 1)
    complain(
      object,
      'DESTINATION_PORT_REQUIRED',
      path,
      `${host} has several ports (${numbers.join(', ')}): name one with ${use(fields, path)}`,
    )
}

/** The field that names the port, as one writes it there. */
function use(fields: Required<Use>['fields'], path: Path): string {
  return fields.port.length > path.length + 1 ? 'port.number' : 'port'
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
  complain(object, 'SUBSET_NOT_FOUND', path, `${host} has no subset ${subset}`, hint)
}

/** Every wildcard host that covers a name: `*.b.c`, `*.c` and `*` for `a.b.c`. */
function wildcardsOver(host: string): readonly string[] {
  const parts = (isWildcard(host) ? host.slice(1).replace(/^\./, '') : host).split('.')
  return parts.map((_, index) => (index + 1 < parts.length ? `*.${parts.slice(index + 1).join('.')}` : '*'))
}
