import { afterEach, describe, expect, test } from 'vitest'
import { STATUS } from '../../controlplane/ads/transport.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { cleanUp, serve, world } from './hostile-bed.ts'
import { NODE, names } from './raw-client.ts'

afterEach(cleanUp)

describe('admission', () => {
  test('nothing is served before the sources were read', async () => {
    let ready = false
    const { client } = await serve(world(), { ready: () => ready })
    const early = client().delta()
    early.send('cds', { node: NODE })
    expect(await early.ended).toMatchObject({
      code: STATUS.unavailable,
      details: expect.stringMatching(/not read its configuration/),
    })
    ready = true
    const later = client().delta()
    later.send('cds', { node: NODE })
    expect(names(await later.next())).toEqual(['c'])
  })

  test('more streams than allowed are refused, and there is room again when one goes', async () => {
    const { client, server } = await serve(world(), { limits: { streams: 1 } })
    const first = client().delta()
    first.send('cds', { node: NODE })
    await first.next()
    const second = client().delta()
    second.send('cds', { node: NODE })
    expect(await second.ended).toMatchObject({
      code: STATUS.resourceExhausted,
      details: expect.stringMatching(/has the 1 streams it takes: another replica may have room/),
    })
    first.cancel()
    await comesTrue(() => server.status.connected === 0)
    const third = client().delta()
    third.send('cds', { node: NODE })
    expect(names(await third.next())).toEqual(['c'])
  })

  test('more new streams per second than allowed are asked to try again', async () => {
    const { client } = await serve(world(), { limits: { newStreamsPerSecond: 0.01, newStreamBurst: 2 } })
    const raw = client()
    const streams = Array.from({ length: 3 }, () => raw.delta())
    for (const stream of streams) stream.send('cds', { node: NODE })
    expect(await streams[2]!.ended).toMatchObject({
      code: STATUS.unavailable,
      details: expect.stringMatching(/try again/),
    })
  })

  test('a stream that says nothing is closed', async () => {
    const { client } = await serve(world(), { limits: { firstRequestMs: 200 } })
    expect(await client().delta().ended).toMatchObject({
      code: STATUS.invalidArgument,
      details: expect.stringMatching(/no request within/),
    })
  })

  test('a stream ends in peace at its age', async () => {
    const { client } = await serve(world(), { limits: { streamAgeMs: 2_500 } })
    const stream = client().delta()
    stream.send('cds', { node: NODE })
    await stream.next()
    expect((await stream.ended).code).toBe(STATUS.ok)
  })

  test('stopping ends the streams one after the other and says why', async () => {
    const { client, server } = await serve(world())
    const streams = Array.from({ length: 4 }, () => client().delta())
    for (const stream of streams) {
      stream.send('cds', { node: NODE })
      await stream.next()
    }
    const order: number[] = []
    const all = streams.map((stream, index) =>
      stream.ended.then((status) => {
        order.push(index)
        return status
      }),
    )
    await server.stop(400)
    for (const status of await Promise.all(all))
      expect(status).toMatchObject({ code: STATUS.unavailable, details: 'the control plane is stopping' })
    expect(order).toEqual([0, 1, 2, 3])
  })
})
