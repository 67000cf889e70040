import { shippedProtocols } from '../../../codecs/load.ts'
import type { MsgRouterSpec } from '../kinds/msg-router.ts'
import type { ProtocolSpec } from '../kinds/protocol.ts'
import { comparePrecedence, idList, rulesOf } from '../msg-router-rules.ts'
import type { ConfigObject } from '../object.ts'
import { documentInfo, hasField, isShipped, type ProtocolInfo, shippedInfo } from '../protocols.ts'
import { similar } from '../similar.ts'
import { protocolClass } from '../syntax/protocol.ts'
import { metaProtocolName, portProtocolName } from '../syntax/protocol-name.ts'
import { absentGateway, findGateway } from './gateways.ts'
import { checkValues } from './message-values.ts'
import { type Check, type Complain, each, type Of, place, type World } from './world.ts'

type MsgRouter = ConfigObject<MsgRouterSpec>

/** What a protocol name stands for: a document, a codec an ApplicationProtocol names, or one that comes with the package. */
export function protocolNamed(world: World, name: string): ProtocolInfo | undefined {
  const own = documentOrShipped(world, name)
  if (own) return own
  const alias = world.of('ApplicationProtocol').find(({ spec }) => spec.protocol.toLowerCase() === name)
  return alias && documentOrShipped(world, alias.spec.codec.toLowerCase().split('.').at(-1)!)
}

function documentOrShipped(world: World, name: string): ProtocolInfo | undefined {
  const document = world.of('Protocol').find((object) => object.name === name)
  const info = document && documentInfo(document as ConfigObject<ProtocolSpec>)
  if (info) return info
  return isShipped(name) ? shippedInfo(name) : undefined
}

function protocolNames(world: World): readonly string[] {
  return [
    ...new Set([
      ...world.of('Protocol').map(({ name }) => name),
      ...world.of('ApplicationProtocol').map(({ spec }) => spec.protocol.toLowerCase()),
      ...shippedProtocols,
    ]),
  ]
}

/** Whether a port is named for a protocol that is known. */
export function isProtocolPort(world: World, portName: string): boolean {
  return protocolNamed(world, portProtocolName(portName)) !== undefined
}

/** Names of protocols exist: those of ports, of MsgRouters and of ApplicationProtocols. */
export const checkProtocolNames: Check = (world, complain) => {
  const names = protocolNames(world)
  const messages = (['MsgRouter', 'MetaRouter', 'Protocol'] as const).some((kind) => world.of(kind).length > 0)
  const checkPort = (object: ConfigObject, path: readonly (string | number)[], name: string | undefined) => {
    if (!name || isProtocolPort(world, name)) return
    const aeraki = metaProtocolName(name)
    const word = portProtocolName(name)
    const hint = similar(word, names)
    // Ports may be called anything; a private protocol is meant only where the name says so or nearly does.
    const near = messages && !/^tcp-/i.test(name) && name.includes('-') && !protocolClass(word) && hint !== undefined
    if (aeraki || near)
      complain(
        object,
        'PROTOCOL_NOT_FOUND',
        path,
        `port ${name} is named for a protocol "${word}" that does not exist`,
        hint,
      )
  }
  for (const object of world.of('ServiceEntry'))
    for (const [index, { name }] of (object.spec.ports ?? []).entries())
      checkPort(object, ['spec', 'ports', index, 'name'], name)
  for (const object of world.of('Gateway'))
    for (const [index, { port }] of (object.spec.servers ?? []).entries())
      checkPort(object, ['spec', 'servers', index, 'port', 'name'], port.name)
  for (const object of world.of('Sidecar'))
    for (const list of ['ingress', 'egress'] as const)
      for (const [index, { port }] of (object.spec[list] ?? []).entries())
        checkPort(object, ['spec', list, index, 'port', 'name'], port?.name)
  for (const object of world.of('ApplicationProtocol')) {
    const { protocol, codec } = object.spec
    if (!protocolNamed(world, protocol.toLowerCase()))
      complain(
        object,
        'PROTOCOL_NOT_FOUND',
        ['spec', 'codec'],
        `there is no codec for ${codec}`,
        `write a Protocol document named ${protocol}`,
      )
  }
}

/** Fields, protocols and gateways of MsgRouters exist. */
export const checkMsgRouters: Check = (world, complain) => {
  const routers = world.of('MsgRouter')
  if (routers.length === 0) return
  const names = protocolNames(world)
  const known = names.flatMap((name) => protocolNamed(world, name) ?? [])
  for (const object of routers) {
    const { protocol, gateways = [] } = object.spec
    const own = protocol === undefined ? undefined : protocolNamed(world, protocol)
    if (protocol !== undefined && !own)
      complain(
        object,
        'PROTOCOL_NOT_FOUND',
        ['spec', 'protocol'],
        `there is no protocol ${protocol}`,
        similar(protocol, names),
      )
    else checkFields(object, own ? [own] : known, complain)
    for (const [index, name] of gateways.entries())
      if (name !== 'mesh' && !findGateway(world, name, object.namespace))
        complain(object, 'GATEWAY_NOT_FOUND', ['spec', 'gateways', index], absentGateway(world, name, object.namespace))
  }
}

/** Values, limits and changes of MsgRouters fit the fields they are for. Protocols of the package count where no document's has the fields. */
export const checkMsgRouterValues: Check = each(['MsgRouter'], (world, complain) => {
  const written = [...world.of('Protocol'), ...world.of('ApplicationProtocol')].flatMap((object) => {
    const name = 'protocol' in object.spec ? object.spec.protocol.toLowerCase() : object.name
    return protocolNamed(world, name) ?? []
  })
  const shipped = shippedProtocols.flatMap((name) => protocolNamed(world, name) ?? [])
  return (object) => {
    const { protocol } = object.spec
    const fields = [...fieldsOf(object).keys()]
    const fits = (info: ProtocolInfo) => fields.every((field) => hasField(info, field))
    const named = protocol === undefined ? undefined : protocolNamed(world, protocol)
    if (protocol !== undefined) return checkValues(object, named && fits(named) ? [named] : [], complain)
    const own = written.filter(fits)
    checkValues(object, own.length > 0 ? own : shipped.filter(fits), complain)
  }
})

/** Keys of those who write a condition as {field: cmd, exact: 7}. */
const WORDS_FOR_FIELD: ReadonlySet<string> = new Set(['field', 'key', 'name', 'exact', 'prefix', 'regex', 'value'])

/** Fields that decide which messages go by a router, or where they go, each with a place that names it. */
function fieldsOf({ spec }: Of<'MsgRouter'>): ReadonlyMap<string, readonly (string | number)[]> {
  const fields = new Map<string, readonly (string | number)[]>()
  for (const { rule, path } of rulesOf(spec)) {
    if (rule.msgid !== undefined) fields.set('msgid', [...path, 'msgid'])
    for (const [index, match] of (rule.match ?? []).entries())
      for (const field of Object.keys(match)) fields.set(field, [...path, 'match', index, field])
    for (const key of rule.hashKey === undefined ? [] : [rule.hashKey].flat())
      if (key !== 'sourceIp') fields.set(key, [...path, 'hashKey'])
  }
  return fields
}

function checkFields(object: Of<'MsgRouter'>, protocols: readonly ProtocolInfo[], complain: Complain): void {
  const fields = fieldsOf(object)
  const all = [...fields.keys()]
  if (protocols.some((info) => all.every((field) => hasField(info, field)))) return
  for (const [field, path] of fields) {
    if (protocols.some((info) => hasField(info, field))) continue
    const known = [...new Set(protocols.flatMap((info) => [...info.fields.keys()]))]
    const hint = WORDS_FOR_FIELD.has(field)
      ? 'the name of the field is the key: {cmd: 7} or {cmd: {exact: 7}}'
      : undefined
    const message = `no protocol has a field ${field}`
    complain(object, 'PROTOCOL_FIELD_NOT_FOUND', path, message, hint ?? similar(field, known))
    return
  }
  const message = `no protocol has all the fields the rule looks at: ${all.join(', ')}`
  complain(object, 'PROTOCOL_FIELD_NOT_FOUND', ['spec'], message)
}

interface Interval {
  readonly object: MsgRouter
  readonly path: readonly (string | number)[]
  readonly first: bigint
  readonly last: bigint
  /** Place in the order of documents and rules. */
  readonly order: number
}

const MOST_OPEN = 50

/** Rules that take the same message ids: which of them wins, told at the one that loses. */
export const checkMsgRouterOverlap: Check = (world, complain) => {
  const intervals: Interval[] = []
  for (const object of world.of('MsgRouter'))
    for (const { rule, path } of rulesOf(object.spec)) {
      if (rule.match) continue
      for (const { first, last } of idList(rule.msgid))
        intervals.push({ object, path: [...path, 'msgid'], first, last, order: intervals.length })
    }
  intervals.sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : a.order - b.order))
  const told = new Set<string>()
  let open: Interval[] = []
  for (const interval of intervals) {
    open = open.filter(({ last }) => last >= interval.first)
    for (const other of open) if (meet(interval.object, other.object)) tell(interval, other, told, complain)
    if (open.length < MOST_OPEN) open.push(interval)
  }
}

function tell(a: Interval, b: Interval, told: Set<string>, complain: Complain): void {
  const order = comparePrecedence(a.object.spec, b.object.spec) || a.order - b.order
  const [winner, loser] = order < 0 ? [a, b] : [b, a]
  const key = `${winner.object.key} ${winner.path} ${loser.object.key} ${loser.path}`
  if (told.has(key)) return
  told.add(key)
  const first = a.first > b.first ? a.first : b.first
  const last = a.last < b.last ? a.last : b.last
  const ids = first === last ? `message id ${first}` : `message ids ${first}-${last}`
  const why =
    (winner.object.spec.priority ?? 0) !== (loser.object.spec.priority ?? 0)
      ? 'its priority is greater'
      : comparePrecedence(winner.object.spec, loser.object.spec) !== 0
        ? 'it is narrower'
        : 'it is named first'
  const whole = first === loser.first && last === loser.last
  complain(
    loser.object,
    whole ? 'MSG_ROUTE_OVERLAP' : 'MSG_ROUTE_NARROWED',
    loser.path,
    `${ids} ${first === last ? 'goes' : 'go'} by the rule at ${place(winner.object, winner.path)}: ${why}`,
    whole ? 'give this one a greater priority, or remove one of them' : undefined,
  )
}

/** Whether some proxy and listener may have both. */
function meet(a: MsgRouter, b: MsgRouter): boolean {
  const [one, other] = [a.spec, b.spec]
  if (one.protocol !== undefined && other.protocol !== undefined && one.protocol !== other.protocol) return false
  if (JSON.stringify(one.selector ?? {}) !== JSON.stringify(other.selector ?? {})) return false
  if (one.gateways?.length && other.gateways?.length) {
    const names = new Set(one.gateways.map((name) => qualified(name, a.namespace)))
    if (!other.gateways.some((name) => names.has(qualified(name, b.namespace)))) return false
  }
  return true
}

/** A gateway that a document of the namespace names: `mesh`, or `namespace/name`. */
export function qualified(name: string, namespace: string): string {
  return name === 'mesh' || name.includes('/') ? name : `${namespace}/${name}`
}
