import type { HttpMatchRequest } from '../kinds/http/match.ts'
import type { MsgRule } from '../kinds/msg-router.ts'
import type { VirtualServiceSpec } from '../kinds/virtual-service.ts'
import { rulesOf } from '../msg-router-rules.ts'
import type { ConfigObject } from '../object.ts'
import { hasField, type ProtocolInfo } from '../protocols.ts'
import { hostsOverlap, isSubsetOf } from '../syntax/host.ts'
import { portClass } from '../syntax/protocol.ts'
import { portProtocolName } from '../syntax/protocol-name.ts'
import { protocolNamed, qualified } from './messages.ts'
import type { Check, Of, World } from './world.ts'

/**
 * Listeners of protocols whose servers speak first, where no route is without a condition: nothing chooses the upstream that is to speak, so every
 * client is closed. Says nothing where a route might be one, as for proxies with certain labels.
 */
export const checkSpeaksFirst: Check = (world, complain) => {
  if (!world.of('Protocol').some(({ spec }) => spec.speaksFirst === 'upstream')) return
  const tell = (object: ConfigObject, path: readonly (string | number)[], { name }: Spoken, where: string) =>
    complain(
      object,
      'SPEAKS_FIRST_NO_ROUTE',
      path,
      `servers of ${name} speak first, and no route of this ${where} is without a condition: nothing says whose client one is, and it is closed`,
      `add a MsgRouter with protocol: ${name}, svrName and neither msgid nor match`,
    )
  for (const gateway of world.of('Gateway'))
    for (const [index, { port, hosts, tls }] of (gateway.spec.servers ?? []).entries()) {
      const spoken = spokenAt(world, port.name ?? '', port.protocol)
      if (!spoken || tls?.mode?.includes('PASSTHROUGH')) continue
      const key = `${gateway.namespace}/${gateway.name}`
      if (opensByMessage(world, spoken, key) || opensGateway(world, key, hosts, port.number)) continue
      tell(gateway, ['spec', 'servers', index, 'port', 'name'], spoken, 'server')
    }
  for (const object of world.of('ServiceEntry'))
    for (const [index, { name, protocol, number }] of (object.spec.ports ?? []).entries()) {
      const spoken = spokenAt(world, name, protocol)
      if (!spoken || opensByMessage(world, spoken, 'mesh')) continue
      if (!object.spec.hosts.some((host) => opensService(world, host.toLowerCase(), number)))
        tell(object, ['spec', 'ports', index, 'name'], spoken, 'port')
    }
  for (const sidecar of world.of('Sidecar'))
    for (const [index, { port, hosts }] of (sidecar.spec.egress ?? []).entries()) {
      const spoken = port?.number ? spokenAt(world, port.name ?? '', port.protocol) : undefined
      if (!spoken || opensByMessage(world, spoken, 'mesh')) continue
      if (!leadsToService(world, spoken, sidecar.namespace, hosts, port!.number!))
        tell(sidecar, ['spec', 'egress', index, 'port', 'name'], spoken, 'listener')
    }
}

/** Whether a listener of a Sidecar leads to a service: to those of the port, else to the only one of the protocol. */
function leadsToService(world: World, spoken: Spoken, own: string, hosts: readonly string[], number: number): boolean {
  const scopes = hosts.map((entry) => entry.toLowerCase().split('/') as [string, string])
  const covers = (namespace: string, host: string) =>
    scopes.some(
      ([owner, name]) =>
        (owner === '*' || namespace === (owner === '.' ? own.toLowerCase() : owner)) && isSubsetOf(host, name),
    )
  const ports = world.allServices.flatMap(({ namespace, spec }) =>
    spec.hosts.filter((host) => covers(namespace, host.toLowerCase())).flatMap(() => spec.ports ?? []),
  )
  const users = ports.filter(({ name, protocol }) => spokenAt(world, name, protocol)?.name === spoken.name)
  return users.length === 1 || users.some((user) => user.number === number)
}

interface Spoken {
  readonly name: string
  readonly info: ProtocolInfo
}

/** The protocol a port is named for, when its servers speak first. */
function spokenAt(world: World, portName: string, protocol: string | undefined): Spoken | undefined {
  if (!['tcp', 'tls'].includes(portClass(protocol, portName)) || protocol?.toUpperCase() === 'HTTPS') return undefined
  for (const name of [portProtocolName(portName), protocol?.toLowerCase() ?? '']) {
    const info = protocolNamed(world, name)
    if (info) return info.speaksFirst ? { name, info } : undefined
  }
  return undefined
}

/** Whether a MsgRouter without a condition is for listeners of the protocol behind a gateway. */
function opensByMessage(world: World, { name, info }: Spoken, gateway: string): boolean {
  return world.of('MsgRouter').some(({ spec, namespace }) => {
    if (spec.gateways?.length && !spec.gateways.some((one) => qualified(one, namespace) === gateway)) return false
    const rules = rulesOf(spec).map(({ rule }) => rule)
    if (spec.protocol !== undefined ? spec.protocol !== name : !rules.every((rule) => fits(rule, info))) return false
    return rules.some(
      ({ msgid, match }) => msgid === undefined && (!match || match.some((one) => Object.keys(one).length === 0)),
    )
  })
}

function fits({ msgid, match = [] }: MsgRule, info: ProtocolInfo): boolean {
  const fields = match.flatMap((one) => Object.keys(one))
  return (msgid === undefined ? fields : ['msgid', ...fields]).every((field) => hasField(info, field))
}

/** Whether a rule of another kind that has no condition may be for the hosts of a gateway's server. */
function opensGateway(world: World, gateway: string, hosts: readonly string[], port: number): boolean {
  const served = hosts.map((host) => host.slice(host.indexOf('/') + 1).toLowerCase())
  const takes = (names: readonly string[] | undefined, namespace: string) =>
    (names ?? []).some((name) => served.some((host) => hostsOverlap(world.resolve(name, namespace), host)))
  const rules = rulesAt(world, gateway, takes)
  return rules.meta.some(isOpen) || rules.virtual.some(({ spec }) => !!spec.tcp?.length || !!httpRules(spec, port).open)
}

/** Whether messages for a service go to it, or by a rule that has no condition. */
function opensService(world: World, host: string, port: number): boolean {
  const takes = (names: readonly string[] | undefined, namespace: string) =>
    (names ?? []).some((name) => hostsOverlap(world.resolve(name, namespace), host))
  const { meta, virtual } = rulesAt(world, 'mesh', takes)
  if (meta.length > 0) return meta.some(isOpen)
  const http = virtual.map(({ spec }) => httpRules(spec, port))
  return !http.some(({ any }) => any) || http.some(({ open }) => open)
}

type MetaRoute = NonNullable<Of<'MetaRouter'>['spec']['routes']>[number]

const isOpen = ({ match }: MetaRoute) => Object.keys(match?.attributes ?? {}).length === 0

/** The rules of MetaRouters and VirtualServices behind a gateway. */
function rulesAt(
  world: World,
  gateway: string,
  takes: (hosts: readonly string[] | undefined, namespace: string) => boolean,
): { readonly meta: readonly MetaRoute[]; readonly virtual: readonly Of<'VirtualService'>[] } {
  const meant = (gateways: readonly string[] | undefined, namespace: string) =>
    (gateways?.length ? gateways : ['mesh']).some((name) => qualified(name, namespace) === gateway)
  const behind = ({ spec, namespace }: Of<'MetaRouter'> | Of<'VirtualService'>) =>
    meant(spec.gateways, namespace) && takes(spec.hosts, namespace)
  return {
    meta: world.of('MetaRouter').flatMap((router) => (behind(router) ? (router.spec.routes ?? []) : [])),
    virtual: world.of('VirtualService').filter(behind),
  }
}

/** Whether `http` rules hold for messages at all, and whether one of them takes all: conditions on what only HTTP has never hold. */
function httpRules(spec: VirtualServiceSpec, port: number): { readonly any: boolean; readonly open: boolean } {
  const matches = (spec.http ?? [])
    .filter(({ redirect, directResponse }) => !redirect && !directResponse)
    // What is delegated is not looked at: it may take all.
    .flatMap(({ match, delegate }): readonly HttpMatchRequest[] => (delegate || !match?.length ? [{}] : match))
    .filter((match) => !match.uri && !match.scheme && !match.authority && !some(match.queryParams))
    .filter((match) => match.port === undefined || match.port === port)
  return {
    any: matches.length > 0,
    open: matches.some(({ method, headers, withoutHeaders }) => !method && !some(headers) && !some(withoutHeaders)),
  }
}

const some = (record: Readonly<Record<string, unknown>> | undefined) => Object.keys(record ?? {}).length > 0
