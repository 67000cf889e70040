import { once } from 'node:events'
import { type AddressInfo, connect, createServer, Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { Intake, readBy } from './intake.ts'
import { Slabs } from './slabs.ts'

const slabs = new Slabs()

describe('what sockets read', () => {
  it('stays as it was while others read, and lies behind what came before', () => {
    const seen: { readonly bytes: Uint8Array; readonly start: number; readonly end: number }[] = []
    const [a, b] = [new Intake(slabs), new Intake(slabs)]
    for (const intake of [a, b]) intake.take = (bytes, start, end) => seen.push({ bytes, start, end })
    const sizes = [10, 300, 1, 65_536, 40_000, 40_000]
    sizes.forEach((size, i) => {
      const intake = i % 2 === 0 ? a : b
      intake.buffer.fill(i + 1, 0, size)
      intake.callback(size)
    })
    for (const [i, { bytes, start, end }] of seen.entries()) {
      expect(end - start).toBe(sizes[i])
      expect(bytes.subarray(start, end).every((byte) => byte === i + 1)).toBe(true)
    }
    expect(seen[1]).toMatchObject({ start: seen[0]!.end })
    expect(seen[1]!.bytes).toBe(seen[0]!.bytes)
  })

  it('comes by the chunks of the socket itself where it has no handle that takes a buffer, from their first byte on', () => {
    const intake = new Intake(slabs)
    const seen: string[] = []
    intake.take = (bytes, start, end) => seen.push(String(Buffer.from(bytes.subarray(start, end))))
    const accepted = new Socket()
    expect(readBy(intake, accepted)).toBe(accepted)
    accepted.emit('data', Buffer.from('first'))
    accepted.emit('data', Buffer.from('second'))
    expect(seen).toEqual(['first', 'second'])
    accepted.destroy()
  })

  it('comes from a connection a server accepted by its own buffer, until the end of both sides', async () => {
    const intake = new Intake(slabs)
    let text = ''
    intake.take = (bytes, start, end) => {
      text += Buffer.from(bytes.subarray(start, end)).toString()
    }
    const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
    const [accepted] = (await once(server, 'connection')) as [Socket]
    const socket = readBy(intake, accepted)
    // Were they one, Node would no longer give a handle away, and every read would cost more.
    expect(socket).not.toBe(accepted)
    client.end('a request')
    await once(socket, 'end')
    expect(text).toBe('a request')
    socket.end('its reply')
    const [reply] = (await once(client, 'data')) as [Buffer]
    expect(String(reply)).toBe('its reply')
    await once(client, 'close')
    server.close()
    await once(server, 'close')
  })
})
