import type { Path } from '../../diagnostics/diagnostic.ts'
import type { Destination } from '../kinds/destination.ts'
import { rulesOf } from '../msg-router-rules.ts'
import type { ConfigObject } from '../object.ts'
import type { ProtocolInfo } from '../protocols.ts'
import { portProtocolName } from '../syntax/protocol-name.ts'
import { protocolNamed } from './messages.ts'
import type { Check, World } from './world.ts'

/**
 * Mirrors of messages whose protocol has bound connections only. A copy has no client whose connection it could go by, so none is sent: the
 * proxy counts it as dropped.
 */
export const checkMessageMirrors: Check = (world, complain) => {
  const look = (object: ConfigObject, path: Path, mirror: Destination | undefined, protocol: string | undefined) => {
    if (!mirror) return
    const own = protocol === undefined ? undefined : protocolNamed(world, protocol)
    const meant = own ? [own] : protocolsOf(world, object, mirror)
    if (meant.length === 0 || meant.some(({ modes }) => modes.some((mode) => mode !== 'bound'))) return
    complain(
      object,
      'FIELD_NO_EFFECT',
      [...path, 'mirror'],
      'no copy is sent: connections of this protocol are bound to their clients, and a copy has none',
      'name shared or exclusive among the connections of the Protocol document, if its servers take messages of many clients on one',
    )
  }
  for (const object of world.of('MsgRouter'))
    for (const { rule, path } of rulesOf(object.spec)) look(object, path, rule.mirror, object.spec.protocol)
  for (const object of world.of('MetaRouter'))
    for (const [index, route] of (object.spec.routes ?? []).entries())
      look(object, ['spec', 'routes', index], route.mirror, undefined)
}

/** The protocols that ports of a destination are named for. */
function protocolsOf(world: World, { namespace }: ConfigObject, { host, port }: Destination): readonly ProtocolInfo[] {
  return world
    .services(world.resolve(host, namespace))
    .flatMap(({ object }) => object.spec.ports ?? [])
    .filter(({ number }) => port?.number === undefined || port.number === number)
    .flatMap(({ name }) => protocolNamed(world, portProtocolName(name)) ?? [])
}
