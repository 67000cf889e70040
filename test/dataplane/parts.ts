import type { ConnectionMode } from '../../codecs/contract.ts'
import type { ClusterConfig, RouteAction } from '../../dataplane/configuration.ts'
import { byId, encode, endpoints, type GameFrame, gameConfiguration, Kind } from './game.ts'

/** The kind of a frame that ends a request. */
export const CANCEL = 6

/** A bit of the flags: more frames of the reply follow. */
export const MORE = 1

/** The game protocol with replies of several frames, and with ids as narrow as one likes; without any, replies come in order. */
export function partedGame(id: 'u8' | 'u32' | 'none' = 'u32'): object {
  return {
    frame: { length: { at: 0, type: 'u32', counts: 'all' }, check: { at: 4, type: 'u16', equals: 0x4d47 } },
    message: {
      kind: {
        at: 6,
        type: 'u8',
        is: {
          1: 'request',
          2: 'response',
          3: 'oneway',
          4: 'heartbeat',
          5: 'push',
          ...(id !== 'none' && { 6: 'cancel' }),
        },
      },
      ...(id !== 'none' && { id: { at: id === 'u8' ? 15 : 12, type: id } }),
      more: { flags: { mask: MORE } },
    },
    fields: { msgid: { at: 8, type: 'u32' }, uid: { at: 16, type: 'u64' } },
    reply: {
      error: { from: 'request', bytes: 24, set: { kind: 'response', flags: 0x80 }, body: 'u32 code' },
      heartbeat: { from: 'request', bytes: 24, set: { kind: 'heartbeat' } },
      ping: { from: 'hex 00000018 4d47 04 00 00000000 00000000 0000000000000000' },
    },
    connections: id === 'none' ? ['exclusive', 'bound'] : ['shared', 'bound', 'exclusive'],
    ...(id === 'none' && { ordered: true }),
  }
}

/** One listener of that protocol; messages 1 and 2 go to cluster `a`, 1 with this action. */
export function partedConfiguration(
  port: number,
  mode: ConnectionMode,
  action: Partial<RouteAction> = {},
  {
    id = 'u32',
    cluster = {},
    listener = {},
  }: { id?: 'u8' | 'u32' | 'none'; cluster?: Partial<ClusterConfig>; listener?: object } = {},
) {
  return gameConfiguration({
    protocols: [{ name: 'game', layout: partedGame(id) }],
    listener: { mode, ...listener },
    routes: [{ name: 'game', routes: [byId(1, 'a', action), byId(2, 'a')] }],
    clusters: [{ name: 'a', localities: endpoints(port), balancer: { kind: 'roundRobin' }, ...cluster }],
  })
}

/** A frame of the reply to a request. */
export function partOf(request: GameFrame, body: Buffer | string, more: boolean): Buffer {
  return encode({ ...request, kind: Kind.response, flags: more ? MORE : 0, body })
}
