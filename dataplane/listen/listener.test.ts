import { expect, it } from 'vitest'
import { codec } from '../../codecs/game/codec.ts'
import { ListenerRuntime } from './listener.ts'

const base = { name: 'l', address: { host: '127.0.0.1', port: 0 }, protocol: 'game', routes: 't' }
const kibibyte = 1024

it('the longest frame may wait for a client on top of what is buffered for it, or four times what is buffered if that is more', () => {
  const longest = { ...codec, maxFrame: 100 * kibibyte }
  const limitWith = (bufferLimitBytes: number) =>
    new ListenerRuntime({ ...base, bufferLimitBytes }, longest).hardLimit / kibibyte
  expect([limitWith(10 * kibibyte), limitWith(50 * kibibyte)]).toEqual([110, 200])
  // Replies may be longer than requests.
  const replies = { ...codec, maxFrame: kibibyte, upstream: longest }
  expect(new ListenerRuntime({ ...base, bufferLimitBytes: 10 * kibibyte }, replies).hardLimit / kibibyte).toBe(110)
})
