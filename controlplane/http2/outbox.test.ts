import type { Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Outbox } from './outbox.ts'
import { Wire } from './wire.ts'

/** An outbox on a stream that is read at once, and the writes that reached it. */
function outbox() {
  const socket = new PassThrough()
  const writes: string[] = []
  socket.on('data', (bytes: Buffer) => writes.push(bytes.toString()))
  return { box: new Outbox(new Wire(socket as unknown as Socket, () => {})), writes }
}
const bytes = (text: string) => Buffer.from(text)

test('what is sent by itself leaves at once', async () => {
  const { box, writes } = outbox()
  box.send(bytes('a'))
  box.send(bytes('b'))
  await turn()
  expect(writes).toEqual(['a', 'b'])
})

test('while held, frames are gathered in their order, and leave as one', async () => {
  const { box, writes } = outbox()
  const left: string[] = []
  box.hold()
  box.send(bytes('a'), () => left.push('a'))
  box.send(bytes('b'))
  box.send(bytes('c'), () => left.push('c'))
  await turn()
  expect({ writes, left }).toEqual({ writes: [], left: [] })
  box.release()
  await turn()
  expect({ writes, left }).toEqual({ writes: ['abc'], left: ['a', 'c'] })
})

test('gathered frames leave at the end of the turn', async () => {
  const { box, writes } = outbox()
  box.gather()
  box.send(bytes('a'))
  box.send(bytes('b'))
  expect(writes).toEqual([])
  await turn()
  await turn()
  expect(writes).toEqual(['ab'])
})
