import { connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import {
  FLAG,
  FRAME,
  frame,
  headerFrames,
  numberFrame,
  PREFACE,
  settingsFrame,
} from '../../controlplane/http2/frames.ts'
import { writeHeaders } from '../../controlplane/http2/hpack.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { cleanUp, cleanup, isServed, neighbour, serve, world } from './hostile-bed.ts'

afterEach(cleanUp)

const HELLO = Buffer.concat([PREFACE, settingsFrame([])])
const ASKS = writeHeaders([
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources'],
  ['content-type', 'application/grpc'],
  ['te', 'trailers'],
])
/** More than a connection may send of what serves no call, of the cheapest kind, several times over. */
const MOST = 200_000
/** Of one write: an attacker wastes no system calls. */
const AT_ONCE = 5000

describe('frames without end that serve no call, at the port of xDS: the connection is cut, the others are served meanwhile', () => {
  const floods: Record<string, (stream: number) => Buffer> = {
    pings: () => frame(FRAME.ping, 0, 0, Buffer.alloc(8)),
    settings: () => settingsFrame([]),
    'settings that change windows': (stream) => settingsFrame([[4, stream]]),
    'empty frames of no known type': () => frame(99, 0, 0, Buffer.alloc(0)),
    'calls that are reset at once': (stream) =>
      Buffer.concat([...[headerFrames(stream, ASKS, 0)].flat(), numberFrame(FRAME.rstStream, stream, 8)]),
    'calls that are none': (stream) => frame(FRAME.headers, FLAG.endHeaders, stream, Buffer.of(0x83)),
  }
  const both = Object.keys(floods).flatMap((what) => [[what, true] as const, [what, false] as const])
  test.each(both)('%s, and reads what comes back: %s', async (what, reads) => {
    const { client, mesh, port, server } = await serve(world())
    const other = await neighbour(client)
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    cleanup.push(() => socket.destroy())
    let cut = false
    socket.on('close', () => {
      cut = true
    })
    if (reads) socket.resume()
    else socket.pause()
    socket.write(HELLO)
    for (let stream = 1; !cut && stream < 2 * MOST; stream += 2 * AT_ONCE) {
      const frames = Array.from({ length: AT_ONCE }, (_, index) => floods[what]!(stream + 2 * index))
      socket.write(Buffer.concat(frames))
      await isServed(other, mesh, `${stream}`)
    }
    await comesTrue(() => cut, 'the connection is cut')
    await isServed(other, mesh, 'after')
    expect(server.status.connected).toBe(1)
  })
})
