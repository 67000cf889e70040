import { afterEach, describe, expect, it } from 'vitest'
import { shippedCodec } from '../../codecs/load.ts'
import { GameClient, type GameFrame, type GameServer } from '../dataplane/game.ts'
import { startControlPlane } from '../helpers/control-plane.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { freePort } from '../helpers/ports.ts'
import { Bed, gateway, managedProxy, msgRouter, NODE_ID } from './bed.ts'

/** What people say of a service in a DestinationRule holds for its messages, as it does for HTTP. */

const bed = new Bed()
afterEach(() => bed.close())
const { overflow } = (await shippedCodec('game')).errorCodes

interface Place {
  readonly server: GameServer
  readonly weight?: number
  readonly locality?: string
}

/** A message proxy in region `near`, whose one route leads to the places under the policy. */
async function meshOf(places: readonly Place[], policy: string) {
  const port = await freePort()
  const endpoints = places.map(
    ({ server, weight = 1, locality }) =>
      `    - {address: 127.0.0.1, ports: {game: ${server.port}}, weight: ${weight}${locality ? `, locality: ${locality}` : ''}}`,
  )
  const plane = await startControlPlane(
    `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: lobby}
spec:
  hosts: [lobby.test]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 12345, name: game, protocol: TCP}]
  endpoints:
${endpoints.join('\n')}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: lobby}
spec:
  host: lobby.test
  trafficPolicy: {${policy}}
---${gateway(port)}${msgRouter('one', 'msgid: 1, svrName: lobby.test')}`,
  )
  bed.defer(() => plane.stop())
  const node = { id: NODE_ID, cluster: 'client', locality: { region: 'near', zone: 'z' } }
  const managed = await managedProxy(bed, plane.port, { node })
  await managed.inForce(({ routes }) => routes.some((table) => table.routes.some(({ name }) => name === 'one')))
  const client = new GameClient(port)
  bed.defer(() => client.close())
  let seq = 0
  return {
    client,
    async ask(): Promise<string> {
      const { flags, body } = await client.ask({ msgid: 1, seq: ++seq })
      return flags === 0 ? String(body) : `error ${body.readUInt32BE()}`
    },
  }
}

describe('a DestinationRule', () => {
  it('shares messages by the weights of endpoints, exactly', async () => {
    const [a, b] = [await bed.server('a'), await bed.server('b')]
    const { ask } = await meshOf(
      [
        { server: a, weight: 3 },
        { server: b, weight: 1 },
      ],
      'loadBalancer: {simple: ROUND_ROBIN}',
    )
    for (let n = 0; n < 40; n++) await ask()
    expect([a.frames.length, b.frames.length]).toEqual([30, 10])
  })

  it('limits what is in flight', async () => {
    const a = await bed.server('a')
    const held: GameFrame[] = []
    a.handle = (frame) => held.push(frame)
    const { client, ask } = await meshOf([{ server: a }], 'connectionPool: {http: {http2MaxRequests: 2}}')
    for (const seq of [101, 102]) client.send({ msgid: 1, seq })
    await comesTrue(() => held.length === 2, 'both are in flight')
    expect(await ask()).toBe(`error ${overflow}`)
    a.handle = (frame, socket) => a.answer(frame, socket)
    for (const frame of held) for (const socket of a.sockets) a.answer(frame, socket)
    await comesTrue(async () => (await ask()) === 'a:', 'there is room again')
  })

  it('takes a host out that answers with errors', async () => {
    const [bad, good] = [await bed.server('bad'), await bed.server('good')]
    bad.handle = (frame, socket) => bad.answer(frame, socket, { flags: 0x80, body: Buffer.alloc(4) })
    const { ask } = await meshOf(
      [{ server: bad }, { server: good }],
      'loadBalancer: {simple: ROUND_ROBIN}, outlierDetection: {consecutive5xxErrors: 3, maxEjectionPercent: 50, baseEjectionTime: 60s}',
    )
    for (let n = 0; n < 40; n++) await ask()
    expect([bad.frames.length, good.frames.length]).toEqual([3, 37])
  })

  it('prefers the own region, and the one it names for when that fails', async () => {
    const [near, other, far] = [await bed.server('near'), await bed.server('other'), await bed.server('far')]
    const { ask } = await meshOf(
      [
        { server: other, locality: 'other/z' },
        { server: far, locality: 'far/z' },
        { server: near, locality: 'near/z' },
      ],
      'outlierDetection: {consecutive5xxErrors: 1, maxEjectionPercent: 100, baseEjectionTime: 60s}, loadBalancer: {localityLbSetting: {enabled: true, failover: [{from: near, to: far}]}}',
    )
    for (let n = 0; n < 20; n++) expect(await ask()).toBe('near:')
    await near.close()
    await comesTrue(async () => (await ask()) === 'far:', 'another region')
    for (let n = 0; n < 20; n++) expect(await ask()).toBe('far:')
    expect(other.frames).toEqual([])
  })
})
